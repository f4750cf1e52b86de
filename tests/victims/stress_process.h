/* SPDX-License-Identifier: BSD-2-Clause
   Copies of sockets: dup and its like, descriptors that are closed or taken over, children that have copies
   of everything. A registration lives in its epoll set as long as any copy of the socket does. */
#pragma once

#include "stress_epoll.h"

/* `is_held`: a child may have had a copy. A thread that waits for the shared set has one, too, while the
   kernel looks whether there is an event of it: the registrations are gone when it has let go. */
static void Forget(struct Worker* worker, struct Connection* connection, int is_held) {
  const unsigned size = sizeof worker->tolerated / sizeof *worker->tolerated;
  const int is_shared = connection->registrations[kSharedSet].is_live;
  for (int set = 0; set < kSets; ++set)
    if (connection->registrations[set].is_live && (is_held || is_shared))
      worker->tolerated[worker->tolerated_count++ % size] = MakeTag(worker, connection, set);
  memset(connection->registrations, 0, sizeof connection->registrations);
  connection->state = kUnused;
}

static void CloseConnection(struct Worker* worker, struct Connection* connection) {
  const int leaves_registrations = OneIn(worker, 2);
  for (int set = 0; set < kSets; ++set) {
    const struct Registration* registration = &connection->registrations[set];
    if (registration->is_live && !registration->is_ghost && !leaves_registrations)
      Unregister(worker, connection, set);
  }
  Trace(worker, "%u close %d %d", connection->generation, connection->fd, connection->alias);
  const unsigned long over = atomic_load(&g_forks_over);
  if (close(connection->fd) != 0 || (connection->alias >= 0 && close(connection->alias) != 0))
    Violation(worker, connection, "close: %s", ErrorName(errno));
  Forget(worker, connection, atomic_load(&g_forks_started) != over);
}

/* Makes a copy; with dup2 in place of another of the thread's sockets, which is closed thereby. */
static void AddAlias(struct Worker* worker, struct Connection* connection) {
  if (connection->alias >= 0) return;
  struct Connection* other = &worker->connections[Below(worker, kSlots)];
  if (OneIn(worker, 3) && other != connection && other->state != kUnused && other->alias < 0) {
    const unsigned long over = atomic_load(&g_forks_over);
    connection->alias =
        OneIn(worker, 2) ? dup2(connection->fd, other->fd) : dup3(connection->fd, other->fd, O_CLOEXEC);
    if (connection->alias != other->fd) Violation(worker, connection, "dup2: %s", ErrorName(errno));
    Trace(worker, "%u dup2 %d over %u", connection->generation, connection->alias, other->generation);
    Forget(worker, other, atomic_load(&g_forks_started) != over);
    return;
  }
  connection->alias = OneIn(worker, 2) ? dup(connection->fd) : fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);
  Trace(worker, "%u dup %d", connection->generation, connection->alias);
  if (connection->alias < 0) Violation(worker, connection, "dup: %s", ErrorName(errno));
}

/* Closes one of two descriptors. */
static void DropAlias(struct Worker* worker, struct Connection* connection) {
  if (connection->alias < 0) return;
  int gone = connection->alias;
  if (OneIn(worker, 2)) {
    gone = connection->fd;
    for (int set = 0; set < kSets; ++set) {
      struct Registration* registration = &connection->registrations[set];
      if (!registration->is_live || registration->is_ghost) continue;
      if (Has("ghosts") && OneIn(worker, 2)) {
        registration->is_ghost = 1;
      } else {
        Unregister(worker, connection, set);
      }
    }
    connection->fd = connection->alias;
  }
  connection->alias = -1;
  Trace(worker, "%u close %d, keep %d", connection->generation, gone, connection->fd);
  if (close(gone) != 0) Violation(worker, connection, "close: %s", ErrorName(errno));
}

/* What a child does with the parent's connection; its exit status, 0 for as expected. Only what is safe after
   fork in a program with threads. */
static int UseInChild(const struct Connection* connection) {
  struct pollfd ready = {.fd = connection->fd, .events = POLLOUT};
  int error = -1;
  socklen_t size = sizeof error;
  if (poll(&ready, 1, kPatienceMs) != 1) return 10;
  if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return 11;
  if (connection->is_refusing) return error == ECONNREFUSED ? 0 : 12;
  if (error != 0) return 13;
  const size_t left = connection->length - connection->sent;
  if (left == 0) return 0;
  const ssize_t sent = write(connection->fd, connection->line + connection->sent, left);
  return sent == (ssize_t)left ? 0 : 14;
}

/* A connection of the child's own. */
static int ConnectInChild(void) {
  static const char kLine[] = "a child's own line\n";
  char buffer[sizeof kLine];
  size_t got = 0;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&g_options.destinations[0], sizeof *g_options.destinations) != 0)
    return 20;
  if (write(fd, kLine, sizeof kLine) != sizeof kLine) return 21;
  while (got < sizeof kLine) {
    const ssize_t count = read(fd, buffer + got, sizeof kLine - got);
    if (count <= 0) return 22;
    got += (size_t)count;
  }
  return memcmp(buffer, kLine, sizeof kLine) == 0 ? 0 : 23;
}

enum ChildDoes { kExits, kCloses, kConnects, kUses, kChildrenDo };

static void Fork(struct Worker* worker, struct Connection* connection) {
  enum ChildDoes does = (enum ChildDoes)Below(worker, kChildrenDo);
  if (does == kUses && connection->state != kPending && connection->state != kUp) does = kCloses;
  if (does == kUses && connection->state == kPending && !Has("childpending")) does = kCloses;
  Trace(worker, "%u fork, child %s", connection->generation,
        (const char* const[]){"exits", "closes", "connects", "uses"}[does]);
  atomic_fetch_add(&g_statistics.children, 1);
  atomic_fetch_add(&g_forks_started, 1);
  const pid_t child = fork();
  if (child == 0) {
    int status = 0;
    alarm(kPatienceMs / 1000 + 5);
    signal(SIGALRM, SIG_DFL);
    if (does == kCloses)
      for (int i = 0; i < kSlots; ++i)
        if (worker->connections[i].state != kUnused && close(worker->connections[i].fd) != 0) status = 30;
    if (does == kConnects) status = ConnectInChild();
    if (does == kUses) status = UseInChild(connection);
    _exit(status);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child) Violation(worker, NULL, "fork: %s", ErrorName(errno));
  atomic_fetch_add(&g_forks_over, 1);
  Trace(worker, "%u child: %x", connection->generation, status);
  if (status != 0)
    Violation(worker, connection, "a child that %s ends with %x",
              does == kUses ? "uses it" : "minds its own business", status);
  if (does != kUses || status != 0) return;
  if (connection->is_refusing) {
    BecomeConsumed(connection);
    return;
  }
  BecomeUp(worker, connection, "a child");
  if (connection->sent == connection->length) return;
  connection->sent = connection->length;
  for (int i = 0; i < kSets; ++i) connection->registrations[i].is_in_owed = 1;
}
