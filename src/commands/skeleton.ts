// `couch-shares skeleton …`: which of its commands is asked for.
import { parseArgs } from 'node:util'
import type { ExitCode } from './exit-codes.ts'
import { noMore, UsageError } from './command.ts'
import { skeletonApply, type ApplyOptions } from './skeleton-apply.ts'
import { skeletonDiff } from './skeleton-diff.ts'
import { skeletonInit } from './skeleton-init.ts'

const USAGE =
  'Expected `couch-shares skeleton init <folder>`, `couch-shares skeleton diff` or `couch-shares skeleton apply [--warm] [--widen]`'

/** @throws {UsageError | ConfigError | SkeletonError | InstallError | CouchFault} */
export async function skeleton(args: string[], env: NodeJS.ProcessEnv): Promise<ExitCode> {
  const [subcommand, ...rest] = args
  if (subcommand === 'init') return skeletonInit(folderOf(rest))
  if (subcommand === 'diff') return skeletonDiff(noMore('skeleton diff', rest, env))
  if (subcommand === 'apply') return skeletonApply(env, optionsOf(rest))
  throw new UsageError(USAGE)
}

function folderOf([folder, ...more]: string[]): string {
  if (folder === undefined || folder === '' || folder.startsWith('-') || more.length > 0)
    throw new UsageError(USAGE)
  return folder
}

function optionsOf(args: string[]): ApplyOptions {
  try {
    const options = { warm: { type: 'boolean' }, widen: { type: 'boolean' } } as const
    const { warm = false, widen = false } = parseArgs({ args, options }).values
    return { warm, widen }
  } catch {
    throw new UsageError(USAGE)
  }
}
