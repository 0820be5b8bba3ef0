// The folder of the data is one server's at a time: two that write there would spoil each other's databases.
import { mkdir } from 'node:fs/promises'
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

/**
 * Makes the folder where it is missing, and takes it for this process.
 * @param Pouch keeps its databases there
 * @returns gives it up
 * @throws {DataFolderError}
 */
export async function takeFolder(Pouch: PouchClass, folder: string): Promise<() => Promise<void>> {
  const unusable = (reason: string): DataFolderError =>
    new DataFolderError(
      'data_unusable',
      `The embedded server cannot keep its data in ${folder} (${reason}). Set EMBEDDED_DATA to a folder that can be written to.`,
    )
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw unusable(error.code ?? error.message)
  })
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    const mark = new Pouch(MARK)
    try {
      await mark.info()
      return () => mark.close()
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
