/* SPDX-License-Identifier: BSD-2-Clause
   Registrations in the thread's own epoll sets and in the shared one, and waiting by them. Only the owner
   waits for its own sets, so that there every event can be judged, and a missing one be noticed. */
#pragma once

#include "stress_readiness.h"
#include "stress_shared.h"

/* Of several exclusive registrations the kernel need wake only one, so that nothing would be owed to the
 * others. */
static int IsExclusive(const struct Connection* connection) {
  for (int set = 0; set < kSets; ++set)
    if (connection->registrations[set].is_live && connection->registrations[set].mask & EPOLLEXCLUSIVE)
      return 1;
  return 0;
}

static uint32_t RandomMask(struct Worker* worker, int set, int may_be_exclusive) {
  uint32_t mask = EPOLLOUT;
  if (OneIn(worker, 2)) mask |= EPOLLIN;
  if (OneIn(worker, 8)) mask = EPOLLIN;
  if (may_be_exclusive && OneIn(worker, 5)) return mask | EPOLLEXCLUSIVE | (set == kSharedSet ? EPOLLET : 0);
  if (OneIn(worker, 4)) mask |= EPOLLRDHUP;
  /* Level-triggered in the shared set, every thread would turn in circles. */
  const unsigned how = Below(worker, 4);
  if (how == 0) mask |= EPOLLONESHOT;
  if (how == 1) mask |= EPOLLONESHOT | EPOLLET;
  if (how == 2 || (how == 3 && set == kSharedSet)) mask |= EPOLLET;
  return mask;
}

static void Arm(struct Worker* worker, struct Connection* connection, int set, int operation) {
  struct Registration* registration = &connection->registrations[set];
  uint32_t mask = RandomMask(worker, set, operation == EPOLL_CTL_ADD && !IsExclusive(connection));
  struct SharedSlot* slot = &g_shared[worker->index][connection - worker->connections];
  if (set == kSharedSet) {
    /* The kind stays, so that firings can be counted against armings. */
    if (operation == EPOLL_CTL_MOD)
      mask = (mask & ~(uint32_t)EPOLLONESHOT) | (registration->mask & EPOLLONESHOT) | EPOLLET;
    if (operation == EPOLL_CTL_ADD) OpenSharedSlot(worker, connection);
    Merge(&slot->armed, connection->generation, mask & EPOLLONESHOT ? 0x80000000U : 0, 1);
    connection->was_shared = 1;
  }
  struct epoll_event event = {.events = mask, .data.u64 = MakeTag(worker, connection, set)};
  const int result = epoll_ctl(worker->sets[set], operation, connection->fd, &event);
  Trace(worker, "%u epoll_ctl %s set %d mask %x: %s", connection->generation,
        operation == EPOLL_CTL_ADD ? "ADD" : "MOD", set, mask, result == 0 ? "0" : ErrorName(errno));
  if (result != 0) {
    Violation(worker, connection, "epoll_ctl: %s", ErrorName(errno));
    return;
  }
  *registration = (struct Registration){.is_live = 1, .mask = mask, .is_armed = 1};
  registration->is_owed = (mask & EPOLLOUT) != 0;
  registration->is_in_owed = connection->sent > connection->received;
}

static void ExpectControlError(struct Worker* worker, struct Connection* connection, int set, int operation,
                               int error) {
  struct epoll_event event = {.events = EPOLLOUT, .data.u64 = 0};
  if (epoll_ctl(worker->sets[set], operation, connection->fd, &event) == 0 || errno != error)
    Violation(worker, connection, "epoll_ctl %d says other than %s", operation, ErrorName(error));
}

static void Unregister(struct Worker* worker, struct Connection* connection, int set) {
  if (epoll_ctl(worker->sets[set], EPOLL_CTL_DEL, connection->fd, NULL) != 0)
    Violation(worker, connection, "EPOLL_CTL_DEL: %s", ErrorName(errno));
  Trace(worker, "%u epoll_ctl DEL set %d", connection->generation, set);
  connection->registrations[set] = (struct Registration){0};
}

/* A random epoll_ctl, with what it must answer. */
static void ChangeRegistration(struct Worker* worker, struct Connection* connection) {
  const int set = (int)Below(worker, Has("shared") ? kSets : kPrivateSets);
  struct Registration* registration = &connection->registrations[set];
  if (registration->is_ghost) return;
  if (!registration->is_live) {
    if (OneIn(worker, 10))
      ExpectControlError(worker, connection, set, OneIn(worker, 2) ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, ENOENT);
    /* Its counters are of one registration. */
    if (set == kSharedSet && connection->was_shared) return;
    Arm(worker, connection, set, EPOLL_CTL_ADD);
  } else if (OneIn(worker, 10)) {
    ExpectControlError(worker, connection, set, EPOLL_CTL_ADD, EEXIST);
  } else if (OneIn(worker, 5)) {
    Unregister(worker, connection, set);
  } else if (registration->mask & EPOLLEXCLUSIVE) {
    ExpectControlError(worker, connection, set, EPOLL_CTL_MOD, EINVAL);
  } else {
    Arm(worker, connection, set, EPOLL_CTL_MOD);
  }
}

static int IsTolerated(const struct Worker* worker, uint64_t tag) {
  const unsigned size = sizeof worker->tolerated / sizeof *worker->tolerated;
  for (unsigned i = 0; i < size; ++i)
    if (worker->tolerated[i] == tag) return 1;
  return 0;
}

static void TakeEvent(struct Worker* worker, int set, uint32_t events, uint64_t tag) {
  if (HasFault("data")) tag ^= 1;
  struct Connection* connection = TagSlot(tag) < kSlots ? &worker->connections[TagSlot(tag)] : NULL;
  struct Registration* registration = connection == NULL ? NULL : &connection->registrations[set];
  if (connection == NULL || connection->state == kUnused || MakeTag(worker, connection, set) != tag ||
      !registration->is_live) {
    if (!IsTolerated(worker, tag))
      Violation(worker, NULL, "set %d shows %x and data that are not registered: %llx", set, events,
                (unsigned long long)tag);
    return;
  }
  if (connection->is_spoilt) return;
  if (!registration->is_armed || HasFault("oneshot"))
    Violation(worker, connection, "set %d shows %x of a one-shot registration that is not armed", set,
              events);
  Judge(worker, connection, events, registration->mask & (EPOLLIN | EPOLLOUT | EPOLLRDHUP), "epoll_wait");
  registration->is_owed = 0;
  if (events & EPOLLIN) registration->is_in_owed = 0;
  if (registration->mask & EPOLLONESHOT) registration->is_armed = registration->is_in_owed = 0;
}

/* One wait for a set. */
static void WaitForSet(struct Worker* worker, int set, int timeout_ms) {
  struct epoll_event events[kSlots * 2];
  const int epoll = worker->sets[set];
  const int most = OneIn(worker, 4) ? 1 : kSlots * 2;
  const struct timespec limit = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
  const unsigned long over = atomic_load(&g_forks_over);
  int polled = 0;
  if (set != kSharedSet && Has("nested") && OneIn(worker, 6)) {
    struct pollfd ready = {.fd = epoll, .events = POLLIN};
    polled = poll(&ready, 1, timeout_ms);
    timeout_ms = 0;
  }
  int count = 0;
  switch (Below(worker, 3)) {
    case 0: count = epoll_wait(epoll, events, most, timeout_ms); break;
    case 1: count = epoll_pwait(epoll, events, most, timeout_ms, NULL); break;
    default: count = epoll_pwait2(epoll, events, most, polled ? &(struct timespec){0} : &limit, NULL); break;
  }
  if (count < 0 || count > most) {
    Violation(worker, NULL, "epoll_wait returns %d: %s", count, ErrorName(errno));
    return;
  }
  if (polled > 0 && count == 0 && atomic_load(&g_forks_started) == over)
    Violation(worker, NULL, "poll shows an epoll set that has nothing");
  atomic_fetch_add(&g_statistics.events, (unsigned long)count);
  for (int i = 0; i < count; ++i) {
    if (set == kSharedSet) {
      PassOn(worker, events[i].events, events[i].data.u64);
    } else {
      TakeEvent(worker, set, events[i].events, events[i].data.u64);
    }
  }
}

/* A private set in which the connection's decision must show; -1 for none. */
static int FindOwingSet(const struct Connection* connection) {
  for (int set = 0; set < kPrivateSets; ++set) {
    const struct Registration* registration = &connection->registrations[set];
    if (!registration->is_live || !registration->is_armed || !(registration->mask & EPOLLOUT)) continue;
    if (registration->is_owed || !(registration->mask & EPOLLET)) return set;
  }
  return -1;
}

/* Waits until the set has shown the connection, which it must. */
static void AwaitBySet(struct Worker* worker, struct Connection* connection, int set) {
  struct Registration* registration = &connection->registrations[set];
  const long end = NowMs() + kPatienceMs;
  registration->is_owed = 1;
  Trace(worker, "%u await by set %d", connection->generation, set);
  while (registration->is_owed && !connection->is_spoilt) {
    if (NowMs() > end) {
      Lost(worker, connection, "a set does not show that the connection is decided");
      return;
    }
    WaitForSet(worker, set, 1 + (int)Below(worker, 100));
  }
}

/* Waits until any thread has been shown the connection by the shared set. */
static void AwaitByShared(struct Worker* worker, struct Connection* connection) {
  struct Registration* registration = &connection->registrations[kSharedSet];
  const long end = NowMs() + kPatienceMs;
  uint32_t seen = 0;
  /* It may have fired for the socket as it was before connect(). */
  if (registration->mask & EPOLLONESHOT) Arm(worker, connection, kSharedSet, EPOLL_CTL_MOD);
  if (!(registration->mask & EPOLLOUT)) return;
  Trace(worker, "%u await by the shared set", connection->generation);
  while (!connection->is_spoilt && !(seen & (EPOLLERR | EPOLLOUT))) {
    if (NowMs() > end) {
      Lost(worker, connection, "no thread is shown by the shared set that the connection is decided");
      return;
    }
    WaitForSet(worker, kSharedSet, (int)Below(worker, 20));
    seen = TakeSeen(worker, connection);
  }
  registration->is_owed = 0;
  struct pollfd ready = {.fd = connection->fd, .events = POLLOUT};
  if (poll(&ready, 1, 0) != 1)
    Violation(worker, connection, "the shared set shows %x before poll shows anything", seen);
  Judge(worker, connection, (uint32_t)ready.revents, POLLOUT, "poll after the shared set");
}
