// The folder of the data is one server's at a time: two that write there would spoil each other's databases.
import { mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { PouchClass } from './packages.ts'

/** Why a folder cannot be used; the message is a sentence for the user. */
export class DataFolderError extends Error {
  readonly code: 'data_in_use' | 'data_unusable'
  constructor(code: DataFolderError['code'], message: string) {
    super(message)
    this.name = 'DataFolderError'
    this.code = code
  }
}

/** Hidden, as no database's file is. LevelDB locks what it opens, and whoever dies lets go. */
const MARK = '.in-use'
/** The server of a parent that was killed needs so long to end. */
const PATIENCE_MS = 2_500
const PAUSE_MS = 250

/** A folder that is this process's alone. */
export interface TakenFolder {
  /** Gives it up. */
  release: () => Promise<void>
  /** The same for a server that never ran: a folder that was made for it, and has nothing in it, goes. */
  undo: () => Promise<void>
}

/**
 * Makes the folder where it is missing, and takes it for this process.
 * @param Pouch keeps its databases there
 * @throws {DataFolderError}
 */
export async function takeFolder(Pouch: PouchClass, folder: string): Promise<TakenFolder> {
  const unusable = (reason: string): DataFolderError =>
    new DataFolderError(
      'data_unusable',
      `The embedded server cannot keep its data in ${folder} (${reason}). Set EMBEDDED_DATA to a folder that can be written to.`,
    )
  const isNew = await makeFolder(folder).catch((error: NodeJS.ErrnoException) => {
    throw unusable(error.code ?? error.message)
  })
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    const mark = new Pouch(MARK)
    try {
      await mark.info()
      const release = () => mark.close()
      const undo = async () => {
        await release()
        if (!isNew) return
        await rm(join(folder, MARK), { recursive: true, force: true })
        await rmdir(folder).catch(() => undefined)
      }
      return { release, undo }
    } catch (error) {
      const { message } = error as Error
      // https://github.com/google/leveldb/blob/main/util/env_posix.cc
      if (!/\block\b .*LOCK/.test(message)) throw unusable(message.replace(/^.*: /s, ''))
    }
    if (waitedMs >= PATIENCE_MS)
      throw new DataFolderError(
        'data_in_use',
        `Another process has its data in ${folder}, an embedded server of couch-shares probably. Stop that one, or set EMBEDDED_DATA to another folder, and EMBEDDED_PORT to another port.`,
      )
    await delay(PAUSE_MS)
  }
}

/**
 * Node's own `recursive` asks for ever where the folder above is there and takes none, as /proc does.
 * @returns whether it was missing
 */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(folder) !== folder) {
      await makeFolder(dirname(folder))
      await mkdir(folder)
      return true
    }
    if (await isFolder(folder)) return false
    throw error
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
