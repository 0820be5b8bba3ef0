// What everybody on a machine can read of a process: how it, and all that it started, were called.
import { readdir, readFile } from 'node:fs/promises'

const orEmpty = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

/** The arguments of a process and of those below it, a line each; null where there is no /proc. */
export async function argumentsOf(pid: number): Promise<string[] | null> {
  const ids = await readdir('/proc').catch(() => null)
  if (ids === null) return null
  const children = new Map<number, number[]>()
  for (const id of ids.filter((name) => /^\d+$/.test(name))) {
    // The name of the program, in brackets, may hold anything.
    const [, parent] = /^\d+ \([^]*\) \S (\d+)/.exec(await orEmpty(`/proc/${id}/stat`)) ?? []
    if (parent !== undefined)
      children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(id)])
  }
  const below = (one: number): number[] => [one, ...(children.get(one) ?? []).flatMap(below)]
  const lines = await Promise.all(below(pid).map((one) => orEmpty(`/proc/${one}/cmdline`)))
  return lines.map((line) => line.replaceAll('\0', ' ').trim()).filter((line) => line !== '')
}
