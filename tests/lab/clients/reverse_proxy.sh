#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# reverse_proxy.sh HOST FOLDER: starts nginx in front of HOST, and prints twenty pages fetched by way of it.
set -eu

port=8080
cat >"$2/reverse.conf" <<END
daemon off; user root; worker_processes 1; pid $2/reverse.pid; error_log stderr;
events { use epoll; }
http {
  access_log off;
  client_body_temp_path $2/body; proxy_temp_path $2/proxy; fastcgi_temp_path $2/fastcgi; uwsgi_temp_path $2/uwsgi;
  scgi_temp_path $2/scgi;
  server { listen 127.0.0.1:$port; location / { proxy_pass http://$1; } }
}
END
nginx -c "$2/reverse.conf" &
trap 'kill $!; wait' EXIT
until curl -s --max-time 20 -o /dev/null "http://127.0.0.1:$port/"; do
  kill -0 $!
  sleep 0.05
done
curl -sS --max-time 20 --parallel --parallel-immediate "http://127.0.0.1:$port/hello.txt?[1-20]"
