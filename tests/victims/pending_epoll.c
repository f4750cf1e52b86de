/* SPDX-License-Identifier: BSD-2-Clause
   pending_epoll MODE HOST PORT [HOST PORT]: epoll sets that hold a socket whose connection is pending. */
#include "pending.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static const uint64_t kData = 0xdeadbeefcafef00dULL;

static int Control(int set, int operation, int fd, unsigned events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(set, operation, fd, &event);
}

static int SetWith(int fd, unsigned events) {
  const int set = epoll_create1(0);
  if (Control(set, EPOLL_CTL_ADD, fd, events, kData) != 0) Fail("epoll_ctl");
  return set;
}

/* Prints what the set reports within `timeout_ms`, and returns how much that is. */
static int Report(const char* what, int set, int timeout_ms) {
  struct epoll_event events[4];
  const int count = epoll_wait(set, events, 4, timeout_ms);
  if (count <= 0) Say(what, count);
  for (int i = 0; i < count; ++i) {
    printf("data %s, ", events[i].data.u64 == kData ? "kept" : events[i].data.u64 < 100 ? "changed" : "lost");
    SayEvents(what, events[i].events);
  }
  return count;
}

static void Level(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT | EPOLLIN | EPOLLRDHUP);
  Report("at once", set, 0);
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  Report("still", set, 0);
  Use(fd, g_to);
  Report("still", set, 0);
}

static void Edge(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT | EPOLLIN | EPOLLET);
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  Report("no more", set, 50);
  SaySocketError("error", fd);
  Say("write", write(fd, "hello", 5));
  Report("answer", set, kPatienceMs);
}

static void OneShot(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT | EPOLLONESHOT);
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  Report("no more", set, 50);
  Say("again", Control(set, EPOLL_CTL_MOD, fd, EPOLLOUT | EPOLLONESHOT, kData));
  Report("once more", set, kPatienceMs);
  Report("no more", set, 50);
  Use(fd, g_to);
}

/* Before connect(2) an unconnected socket is reported as hung up; that must be over once it is pending. */
static void Before(unsigned flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int set = SetWith(fd, EPOLLOUT | EPOLLIN | flags);
  Report("unconnected", set, 0);
  if ((flags & EPOLLONESHOT) != 0) Say("again", Control(set, EPOLL_CTL_MOD, fd, EPOLLOUT | flags, kData));
  Say("connect", Connect(fd, g_to));
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  Report("more", set, 50);
  Use(fd, g_to);
}
static void BeforeLevel(void) {
  Before(0);
}
static void BeforeEdge(void) {
  Before(EPOLLET);
}
static void BeforeOneShot(void) {
  Before(EPOLLONESHOT);
}

/* As asio does: registered once and for all, connected without a wait in between. */
static void BeforeUnseen(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int set = SetWith(fd, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET);
  Say("connect", Connect(fd, g_to));
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  SaySocketError("error", fd);
  Say("write", write(fd, "hello", 5));
  Report("answer", set, kPatienceMs);
}

static void TwoSets(void) {
  const int fd = Start();
  const int first = SetWith(fd, EPOLLOUT);
  const int second = SetWith(fd, EPOLLOUT | EPOLLET);
  Report("first", first, kPatienceMs);
  Report("second", second, 0);
  Report("first still", first, 0);
  Report("second no more", second, 0);
  Use(fd, g_to);
}

static void Modified(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLIN | EPOLLET);
  Say("change", Control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 7));
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  Use(fd, g_to);
}

/* A registration that does not ask for EPOLLOUT hears nothing of success. */
static void ReadOnly(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLIN);
  Report("pending", set, 50);
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Report("connected", set, 0);
  Say("write", write(fd, "hello", 5));
  Report("answer", set, kPatienceMs);
}

/* With a mask of nothing errors are reported all the same. */
static void NothingAsked(void) {
  const int fd = Start();
  const int set = SetWith(fd, 0);
  Report("pending", set, 50);
  Report("refused", set, kPatienceMs);
  SaySocketError("error", fd);
}

static void Removed(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT);
  Report("pending", set, 50);
  Say("remove", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
  Say("remove again", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
  SayEvents("poll", Poll(fd, POLLOUT, kPatienceMs));
  Report("removed", set, 0);
  Say("add", Control(set, EPOLL_CTL_ADD, fd, EPOLLOUT, kData));
  Report("added", set, 0);
  Use(fd, g_to);
}

static void Errors(void) {
  const int fd = Start();
  const int set = epoll_create1(0);
  Say("change unknown", Control(set, EPOLL_CTL_MOD, fd, EPOLLOUT, 1));
  Say("remove unknown", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
  Say("add", Control(set, EPOLL_CTL_ADD, fd, EPOLLOUT, kData));
  Say("add again", Control(set, EPOLL_CTL_ADD, fd, EPOLLOUT, 1));
  Say("no operation", Control(set, 99, fd, EPOLLOUT, 1));
  Say("no set", Control(fd, EPOLL_CTL_ADD, fd, EPOLLOUT, 1));
  Say("no descriptor", Control(set, EPOLL_CTL_ADD, 999, EPOLLOUT, 1));
  struct epoll_event event;
  Say("no room", epoll_wait(set, &event, 0, 0));
  Report("done", set, kPatienceMs);
  Use(fd, g_to);
}

static void Exclusive(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT | EPOLLEXCLUSIVE);
  Report("pending", set, 50);
  Report("done", set, kPatienceMs);
  Say("change", Control(set, EPOLL_CTL_MOD, fd, EPOLLOUT, 1));
  Use(fd, g_to);
}

static void Refused(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT | EPOLLIN | EPOLLRDHUP);
  Report("pending", set, 50);
  Report("refused", set, kPatienceMs);
  SaySocketError("error", fd);
  Report("still", set, 0);
}

static void RefusedEdge(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int set = SetWith(fd, EPOLLOUT | EPOLLIN | EPOLLRDHUP | EPOLLET);
  Say("connect", Connect(fd, g_to));
  Report("pending", set, 50);
  Report("refused", set, kPatienceMs);
  Report("no more", set, 50);
  SaySocketError("error", fd);
}

/* A closed socket leaves its sets. */
static void Closed(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT);
  Report("pending", set, 50);
  close(fd);
  Report("closed", set, 50);
  const int next = socket(AF_INET, SOCK_STREAM, 0);
  printf("number re-used: %d\n", next == fd);
  Say("connect elsewhere", Connect(next, g_other));
  Report("not its heir", set, 50);
  Use(next, g_other);
}

/* One of two copies is closed; the set goes on reporting, as epoll(7) has it. */
static void ClosedCopy(void) {
  const int fd = Start();
  const int copy = dup(fd);
  const int set = SetWith(fd, EPOLLOUT);
  close(fd);
  Report("done", set, kPatienceMs);
  Use(copy, g_to);
}

static void Shut(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT | EPOLLIN | EPOLLRDHUP);
  Report("pending", set, 50);
  Say("shutdown", shutdown(fd, SHUT_RDWR));
  Report("shut down", set, 0);
}

static void CopiedSet(void) {
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT);
  const int copy = dup(set);
  close(set);
  Report("pending", copy, 50);
  Report("done", copy, kPatienceMs);
  Use(fd, g_to);
}

/* A descriptor of another kind in the same set, and no room for both. */
static void Mixed(void) {
  int ends[2];
  const int fd = Start();
  const int set = SetWith(fd, EPOLLOUT);
  if (pipe(ends) != 0 || write(ends[1], "x", 1) != 1) Fail("pipe");
  Say("add", Control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN, 7));
  Report("pipe", set, kPatienceMs);
  Say("remove", epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL));
  Report("done", set, kPatienceMs);
  Say("add", Control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN, 7));
  struct epoll_event event;
  Say("one", epoll_wait(set, &event, 1, 0));
  const uint64_t first = event.data.u64;
  Say("one", epoll_wait(set, &event, 1, 0));
  printf("both: %d\n", (first == 7 || first == kData) && first + event.data.u64 == 7 + kData);
  Use(fd, g_to);
}

static void Inside(void) {
  const int fd = Start();
  const int inner = SetWith(fd, EPOLLOUT);
  const int outer = SetWith(inner, EPOLLIN);
  Report("outer pending", outer, 50);
  SayEvents("poll pending", Poll(inner, POLLIN, 0));
  Report("outer", outer, kPatienceMs);
  SayEvents("poll", Poll(inner, POLLIN, 0));
  Report("inner", inner, 0);
  Use(fd, g_to);
}

static void* WaitForever(void* set) {
  Report("blocked thread", *(int*)set, -1);
  return NULL;
}

/* A thread waits in an empty set; then another adds a socket and connects it. */
static void BlockedAdd(void) {
  int set = epoll_create1(0);
  pthread_t thread;
  pthread_create(&thread, NULL, WaitForever, &set);
  Pause(100);
  const int fd = Start();
  Say("add", Control(set, EPOLL_CTL_ADD, fd, EPOLLOUT, kData));
  pthread_join(thread, NULL);
  Use(fd, g_to);
}

/* Registered already, for what an unconnected socket does not show, when the thread begins to wait. */
static void BlockedConnect(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int set = SetWith(fd, EPOLLOUT | EPOLLET);
  pthread_t thread;
  Report("unconnected", set, 0);
  pthread_create(&thread, NULL, WaitForever, &set);
  Pause(100);
  Say("connect", Connect(fd, g_to));
  pthread_join(thread, NULL);
  Use(fd, g_to);
}

/* The same with poll(2) on the set, which is how event loops nest. */
static void* PollForever(void* set) {
  SayEvents("blocked thread", Poll(*(int*)set, POLLIN, kPatienceMs));
  return NULL;
}
static void BlockedPoll(void) {
  int set = epoll_create1(0);
  pthread_t thread;
  pthread_create(&thread, NULL, PollForever, &set);
  Pause(100);
  const int fd = Start();
  Say("add", Control(set, EPOLL_CTL_ADD, fd, EPOLLOUT, kData));
  pthread_join(thread, NULL);
  Report("done", set, 0);
  Use(fd, g_to);
}

int main(int argc, char** argv) {
  static const struct Mode kModes[] = {{"level", Level},
                                       {"edge", Edge},
                                       {"oneshot", OneShot},
                                       {"before-level", BeforeLevel},
                                       {"before-edge", BeforeEdge},
                                       {"before-oneshot", BeforeOneShot},
                                       {"before-unseen", BeforeUnseen},
                                       {"two-sets", TwoSets},
                                       {"modified", Modified},
                                       {"read-only", ReadOnly},
                                       {"nothing-asked", NothingAsked},
                                       {"removed", Removed},
                                       {"errors", Errors},
                                       {"exclusive", Exclusive},
                                       {"refused", Refused},
                                       {"refused-edge", RefusedEdge},
                                       {"closed", Closed},
                                       {"closed-copy", ClosedCopy},
                                       {"shut", Shut},
                                       {"copied-set", CopiedSet},
                                       {"mixed", Mixed},
                                       {"inside", Inside},
                                       {"blocked-add", BlockedAdd},
                                       {"blocked-connect", BlockedConnect},
                                       {"blocked-poll", BlockedPoll},
                                       {NULL, NULL}};
  return RunMode(kModes, argc, argv);
}
