# SPDX-License-Identifier: GPL-2.0-only
#
# A web server for tests and benchmarks; source it.
# shellcheck shell=sh

# nginx_prepare FOLDER WORKERS: a small site, and FOLDER/nginx.conf to serve it on port 8081.
nginx_prepare() {
	mkdir -p "$1/site" "$1/logs"
	seq 1 3000 >"$1/site/numbers.txt"
	echo hello >"$1/site/index.html"
	cat >"$1/nginx.conf" <<-END
	user root;
	daemon off;
	worker_processes $2;
	error_log $1/logs/error;
	pid $1/nginx.pid;
	events { worker_connections 64; }
	http {
		access_log $1/logs/access;
		client_body_temp_path $1/logs/body;
		proxy_temp_path $1/logs/proxy;
		fastcgi_temp_path $1/logs/fastcgi;
		uwsgi_temp_path $1/logs/uwsgi;
		scgi_temp_path $1/logs/scgi;
		sendfile on;
		server { listen 127.0.0.1:8081; root $1/site; }
	}
	END
}

# nginx_command FOLDER: for the shell to split.
nginx_command() { echo "nginx -p $1 -c $1/nginx.conf -e $1/logs/error"; }
