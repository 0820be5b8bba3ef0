// Where the daemon of this machine is asked about itself.

/** @param where as OPS_PORT and OPS_HOST say; a host that stands for all addresses is asked at this machine's own */
export function opsUrl({ port, host }: { port: string; host: string | undefined }, path: string): string {
  const name =
    !host || host === '0.0.0.0'
      ? '127.0.0.1'
      : host.includes(':')
        ? `[${host === '::' ? '::1' : host}]`
        : host
  return `http://${name}:${port}${path}`
}
