// SPDX-License-Identifier: BSD-2-Clause
// The descriptors of this process, and what holds about them at the moment of asking.
#pragma once

#include <optional>

#include "preload/descriptor_table.h"

namespace socksify {

// Usable at any time; empty until something is recorded. Hidden by name, because what is only declared counts
// as another library's (-fvisibility in GCC's manual), whose address would have to be looked up.
[[gnu::visibility("hidden")]] extern constinit DescriptorTable g_descriptors;

// SO_COOKIE (socket(7)): the identity of a socket, which the kernel gives out once and never again. 0 for
// what is no socket.
uint64_t SocketCookie(int fd);

// The proxied connection behind `fd`, if its socket is still the one that was recorded. A few system calls,
// all of them on descriptors of ours only.
std::optional<Connection> FindConnection(int fd);

// Records a connection of a datagram socket for this descriptor and all others of the same socket.
void RecordOfSocket(int fd, const Connection& connection);

// Sets or clears flags of the descriptor and of all others of the same socket.
void SetOfSocket(int fd, unsigned flags);
void ClearOfSocket(int fd, unsigned flags);

// The connection behind `fd` is dissolved; the descriptor and its options stay.
void ForgetConnection(int fd);
// Tells how much the connection behind `fd` has carried, for those who want to know of the end of one.
void ReportClose(int fd);
void ReportCloses(unsigned first, unsigned last);  // inclusive
// close(2) and its kin are about to end `fd`, or have put something else in its place.
void ForgetDescriptor(int fd);
void ForgetDescriptors(unsigned first, unsigned last);  // inclusive
// `to` is now a copy of `from`.
void CopyDescriptor(int from, int to);

// Sets flags of a descriptor in g_descriptors, for the first things that a program does: before any of them
// is known, the process is made ready for fork(2) and vfork(2).
void MarkDescriptor(int fd, unsigned flags);
void ClaimProcess();

// Around a call that copies the process and runs no handlers of fork(2). False: there is nothing to do.
bool BeforeCopy();
void AfterCopy(bool is_in_child);
// Makes such a call: _Fork(3), and fork and clone by number. Returns what it does, 0 in the child.
template <typename Call>
auto CopyProcess(const Call& call) {
  if (!BeforeCopy()) return call();
  const auto child = call();
  AfterCopy(child == 0);
  return child;
}

// True in a child of vfork(2), which shares our memory: what it closes there, its parent keeps. One system
// call, so it is asked only about proxied connections.
bool IsBorrowedMemory();
// This process is about to make such a child, the first one or another.
void NoteLentMemory();
// Whether there has been such a child, or may have been one unseen.
bool HasLentMemory();
// Another process is about to have all sockets of this one: it may connect them (kUnshared) or make them
// non-blocking (kKnownBlocking), and wants to know whom they lead to.
void ShareSockets();
// Another program is about to have them, beside this one or in its place. A proxy's reply that is still to
// come would be its to read, so it is waited for (pending_early.cc).
void PrepareToSpawn();
void PrepareToExecute();

}  // namespace socksify
