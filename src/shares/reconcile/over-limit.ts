// That something was refused because its user has as much as one may have. The checkpoint knows that, and not of what.
import type { Context } from './context.ts'

/** Remembers that something was refused. */
export async function noteOverLimit(context: Context): Promise<void> {
  context.overLimit += 1
  const checkpoint = await context.checkpoint(context.user.name)
  if (!checkpoint.overLimit)
    context.deps.checkpoints.set(context.user.name, { ...checkpoint, overLimit: true })
}

/** Nothing is refused any more. */
export async function forgetOverLimit(context: Context): Promise<void> {
  const { overLimit, ...checkpoint } = await context.checkpoint(context.user.name)
  if (overLimit) context.deps.checkpoints.set(context.user.name, checkpoint)
}
