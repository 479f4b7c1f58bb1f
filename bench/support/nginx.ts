import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, startProgram } from './child.ts'

/** A running nginx that passes everything on. */
export interface Nginx extends Child<undefined> {
  readonly url: string
}

/**
 * Starts an unprivileged nginx as reverse proxy of `upstream` on loopback, pinned to `core` if one is given; undefined
 * where there is none.
 */
export async function startNginx(
  upstream: string,
  core: number | undefined,
  processes = 1,
): Promise<Nginx | undefined> {
  if (spawnSync('nginx', ['-v']).status !== 0) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-nginx-'))
  const port = await freePort()
  const file = join(directory, 'nginx.conf')
  writeFileSync(file, configuration(directory, port, upstream, processes))
  const url = `http://127.0.0.1:${port}`
  const child = await startProgram(
    ['nginx', '-c', file, '-p', directory, '-e', join(directory, 'error.log')],
    core,
    {
      url,
    },
  )
  return {
    ...child,
    url,
    stop: async () => {
      await child.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

// In the foreground, kept-alive connections on both sides, no temporary files, big buffers.
function configuration(directory: string, port: number, upstream: string, processes: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${directory}/${name};`)
    .join('\n')
  return `daemon off;
master_process ${processes === 1 ? 'off' : 'on'};
worker_processes ${processes};
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
${temporary}
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_buffer_size 256k;
  upstream store { server ${new URL(upstream).host}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} reuseport;
    location / {
      proxy_pass http://store;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffer_size 64k;
      proxy_buffers 16 64k;
      proxy_busy_buffers_size 256k;
      proxy_max_temp_file_size 0;
    }
  }
}
`
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve)
  })
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => {
    probe.close(resolve)
  })
  return port
}
