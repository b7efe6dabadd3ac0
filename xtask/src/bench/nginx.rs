//! nginx as others set it up: plain, and with auth_request and a cache for what auth said.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use launch::{Process, free_port, packages};
use nix::sys::signal::Signal;

/// Both on one nginx, which has as many workers as there are cores.
pub struct Nginx {
    pub plain: String,
    pub checked: String,
    pub process: Process,
}

impl Nginx {
    /// Starts it on these cores, in front of `service`.
    pub fn start(directory: &Path, cores: &str, workers: u16, service: u16) -> Result<Self> {
        let (plain, checked) = (free_port()?, free_port()?);
        let home = directory.join("nginx");
        fs::create_dir_all(&home)?;
        let config = home.join("nginx.conf");
        fs::write(&config, text(&home, workers, service, plain, checked))?;
        let program = packages::nginx().context("nginx is not installed")?;
        let mut command = Command::new("taskset");
        command.args(["-c", cores]).arg(program).arg("-p").arg(&home).arg("-c").arg(&config);
        let process =
            Process::start(command.arg("-e").arg(home.join("error.log")), &home.join("out.log"), Signal::SIGTERM)?;
        let at = |port| format!("127.0.0.1:{port}");
        Ok(Self { plain: at(plain), checked: at(checked), process })
    }
}

fn text(home: &Path, workers: u16, service: u16, plain: u16, checked: u16) -> String {
    let home = home.display();
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    format!(
        r#"daemon off;
{user}
pid {home}/nginx.pid;
worker_processes {workers};
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    proxy_cache_path {home}/tokens keys_zone=tokens:10m;
    upstream service {{
        server 127.0.0.1:{service};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Request-Id $request_id;
    server {{
        listen 127.0.0.1:{plain} reuseport;
        location / {{ proxy_pass http://service; }}
    }}
    server {{
        listen 127.0.0.1:{checked} reuseport;
        location / {{
            auth_request /check;
            auth_request_set $jwt $upstream_http_x_jwt;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header Authorization "Bearer $jwt";
            proxy_pass http://service;
        }}
        location = /check {{
            internal;
            proxy_pass http://service/auth/check;
            proxy_pass_request_body off;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_ignore_headers Cache-Control;
            proxy_cache tokens;
            proxy_cache_key $http_authorization;
            proxy_cache_valid 200 60s;
            proxy_cache_lock on;
        }}
    }}
}}
"#
    )
}
