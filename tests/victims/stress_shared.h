/* SPDX-License-Identifier: BSD-2-Clause
   What the threads know of each other's connections: epoll's data are tags that say whose they are, and an
   event of the shared set may come to any thread, which passes it on. Late events are no fault there: between
   another thread's epoll_wait and its report the owner may have gone on. */
#pragma once

#include "stress_world.h"

/* Of each slot: the generation in the upper half; below it the events that threads have been given, and how
   often a one-shot registration has been armed and has fired. */
struct SharedSlot {
  _Atomic uint64_t seen;
  _Atomic uint64_t armed;
  _Atomic uint64_t fired;
};
static struct SharedSlot g_shared[kMaxThreads][kSlots];

/* magic(16) thread(8) slot(6) set(2) generation(32) */
static const uint64_t kMagic = 0x5afe;

static uint64_t MakeTag(const struct Worker* worker, const struct Connection* connection, int set) {
  const uint64_t slot = (uint64_t)(connection - worker->connections);
  return kMagic << 48 | (uint64_t)worker->index << 40 | slot << 34 | (uint64_t)set << 32 |
         connection->generation;
}
static unsigned TagWorker(uint64_t tag) {
  return (unsigned)(tag >> 40 & 0xff);
}
static unsigned TagSlot(uint64_t tag) {
  return (unsigned)(tag >> 34 & 0x3f);
}
static int TagSet(uint64_t tag) {
  return (int)(tag >> 32 & 3);
}
static uint32_t TagGeneration(uint64_t tag) {
  return (uint32_t)tag;
}

static void OpenSharedSlot(const struct Worker* worker, const struct Connection* connection) {
  struct SharedSlot* slot = &g_shared[worker->index][connection - worker->connections];
  const uint64_t fresh = (uint64_t)connection->generation << 32;
  atomic_store(&slot->armed, fresh);
  atomic_store(&slot->fired, fresh);
  atomic_store(&slot->seen, fresh);
}

/* Merges into the lower half, if the generation is still the same; returns the lower half. */
static uint32_t Merge(_Atomic uint64_t* value, uint32_t generation, uint32_t bits, uint32_t increment) {
  uint64_t old = atomic_load(value);
  while (old >> 32 == generation) {
    const uint64_t merged = (old | bits) + increment;
    if (atomic_compare_exchange_weak(value, &old, merged)) return (uint32_t)merged;
  }
  return 0;
}

/* An event of the shared set, whoever's it is. */
static void PassOn(struct Worker* worker, uint32_t events, uint64_t tag) {
  if (tag >> 48 != kMagic || TagWorker(tag) >= g_options.threads || TagSlot(tag) >= kSlots ||
      TagSet(tag) != kSharedSet) {
    Violation(worker, NULL, "the shared set shows data that nobody registered: %llx",
              (unsigned long long)tag);
    return;
  }
  struct SharedSlot* slot = &g_shared[TagWorker(tag)][TagSlot(tag)];
  if (atomic_load(&slot->seen) >> 32 < TagGeneration(tag))
    Violation(worker, NULL, "the shared set shows data from the future: %llx", (unsigned long long)tag);
  const uint32_t fired = Merge(&slot->fired, TagGeneration(tag), 0, 1);
  const uint64_t armed = atomic_load(&slot->armed);
  /* The top bit says that there is a one-shot registration. */
  if (armed >> 32 == TagGeneration(tag) && armed & 0x80000000 && fired > (armed & 0x7fffffff))
    Violation(worker, NULL, "a one-shot registration of the shared set fires %u times, armed %llu times",
              fired, (unsigned long long)armed & 0x7fffffff);
  /* A socket that hangs up without an error is not connected yet, which is not what the owner waits for. */
  if ((events & (EPOLLHUP | EPOLLERR)) != EPOLLHUP) Merge(&slot->seen, TagGeneration(tag), events, 0);
}

static uint32_t TakeSeen(const struct Worker* worker, const struct Connection* connection) {
  struct SharedSlot* slot = &g_shared[worker->index][connection - worker->connections];
  return (uint32_t)atomic_fetch_and(&slot->seen, 0xffffffff00000000U);
}
