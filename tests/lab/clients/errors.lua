-- SPDX-License-Identifier: BSD-2-Clause
-- For wrk: prints what went wrong, instead of how fast it was.
function done(summary)
  local errors = summary.errors
  io.write(string.format("connect %d, read %d, write %d, status %d, timeout %d; %s\n", errors.connect, errors.read,
    errors.write, errors.status, errors.timeout, summary.requests > 0 and "some requests" or "no requests"))
end
