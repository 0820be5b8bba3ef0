// What every command is: arguments in, an exit code out. Only main.ts ends the process of the daemon, and of commands.
import type { ExitCode } from './exit-codes.ts'

/** @throws {UsageError} for arguments that the command does not take */
export type Command = (args: string[]) => Promise<ExitCode>

/** Arguments that no command takes: the program says how it is used. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** For commands without arguments. @returns what is handed in @throws {UsageError} where there is one */
export function noMore<T>(command: string, args: readonly string[], given: T): T {
  if (args.length > 0) throw new UsageError(`Expected \`couch-shares ${command}\` and nothing more`)
  return given
}
