// What Linux says of a process: its processor time, memory, sockets and children. https://man7.org/linux/man-pages/man5/proc.5.html
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** States in the column `st`: https://docs.kernel.org/networking/proc_net_tcp.html */
const ESTABLISHED = '01'
const LISTENING = '0A'
/** A clock tick of `/proc/<pid>/stat` in milliseconds. */
const TICK_MS = 10

interface Stat {
  parent: number
  ownMs: number
  /** Of children that ended. */
  endedMs: number
}

/** Processor time since its start, in milliseconds; 0 where there is no such process. */
export const processorMs = (pid: number): number => statOf(pid)?.ownMs ?? 0

/** The same with that of children that ended. */
export function processorWithEndedMs(pid: number): number {
  const stat = statOf(pid)
  return stat ? stat.ownMs + stat.endedMs : 0
}

/** Resident memory in MB. */
export const memoryMb = (pid: number): number => statusMb(pid, 'VmRSS')

/** The most that it ever was. */
export const peakMemoryMb = (pid: number): number => statusMb(pid, 'VmHWM')

/** Established TCP connections of a process to a port. */
export function socketsTo(pid: number, port: number): number {
  const own = socketsOf(pid)
  return tcpRows(`/proc/${pid}/net`).filter(
    ({ state, remotePort, inode }) => state === ESTABLISHED && remotePort === port && own.has(inode),
  ).length
}

/** The process that listens on a port of this machine, or null where it is not to be seen. */
export function listenerOn(port: number): number | null {
  const inodes = new Set(
    tcpRows('/proc/net').flatMap(({ state, localPort, inode }) =>
      state === LISTENING && localPort === port ? [inode] : [],
    ),
  )
  return processes().find((pid) => [...socketsOf(pid)].some((inode) => inodes.has(inode))) ?? null
}

/** Its children, and theirs. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const one of processes()) {
    const parent = statOf(one)?.parent
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), one])
  }
  const found = [...(children.get(pid) ?? [])]
  for (const one of found) found.push(...(children.get(one) ?? []))
  return found
}

const processes = (): number[] =>
  readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))

function statOf(pid: number): Stat | null {
  let text
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null // it has ended
  }
  // After the name in parentheses, which may hold anything, come the fields from the third on.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const ticks = (...numbers: number[]): number =>
    numbers.reduce((sum, number) => sum + (fields[number - 3] ?? 0), 0) * TICK_MS
  return { parent: fields[1] ?? 0, ownMs: ticks(14, 15), endedMs: ticks(16, 17) }
}

function statusMb(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
}

function socketsOf(pid: number): Set<string> {
  try {
    const folder = `/proc/${pid}/fd`
    return new Set(readdirSync(folder).flatMap((fd) => socketOf(`${folder}/${fd}`)))
  } catch {
    return new Set() // it has ended, or is somebody else's
  }
}

function socketOf(link: string): string[] {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.slice(1) ?? []
  } catch {
    return [] // closed meanwhile
  }
}

interface TcpRow {
  state: string
  localPort: number
  remotePort: number
  inode: string
}

const tcpRows = (folder: string): TcpRow[] =>
  ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`${folder}/${name}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => {
        const [, local = '', remote = '', state = '', , , , , , inode = ''] = row.trim().split(/\s+/)
        return { state, localPort: portOf(local), remotePort: portOf(remote), inode }
      }),
  )

const portOf = (address: string): number => parseInt(address.slice(address.lastIndexOf(':') + 1), 16)
