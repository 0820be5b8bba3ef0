// What the program runs with: the environment of its process, and what the file `.env` adds to it.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import dotenv from 'dotenv'
import { sayUnknown, unknownSettings } from './unknown-settings.ts'
import { SETTINGS } from './settings.ts'

type Variables = Record<string, string | undefined>

export interface Environment {
  env: Variables
  /** What is probably meant otherwise, one sentence each, without values: nothing fails because of it. */
  doubts: string[]
}

/** A `.env` that is there and cannot be read: without it, the program would run with other settings than it was given. */
export class EnvironmentError extends Error {
  constructor(path: string, code: string) {
    super(`Expected ${path} to be a file that can be read, got ${code}`)
    this.name = 'EnvironmentError'
  }
}

/** Stands for # where the file is read a second time; it is in no text. */
const HASH = '\uE023'

/**
 * Adds the variables of a file to an environment; what is there already stays.
 * @throws {EnvironmentError} where there is such a file, and it cannot be read
 */
export function readEnvironment(env: Variables, file = '.env'): Environment {
  const text = readIfThere(file)
  const inFile = dotenv.parse(text)
  const added = Object.keys(inFile).filter((name) => env[name] === undefined)
  for (const name of added) env[name] = inFile[name]
  const cut = cutAtHash(text).filter((name) => added.includes(name))
  return {
    env,
    doubts: [
      ...cut.map(
        (name) =>
          `the value of ${name} in ${file} ends before its #: put it in quotes, '…', to keep all of it`,
      ),
      ...unknownSettings(env).map(sayUnknown),
    ],
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return ''
    throw new EnvironmentError(resolve(file), code)
  }
}

/**
 * The settings whose values end at a # that stands right behind a letter: dotenv takes it for the beginning of a comment, and whoever
 * wrote it, for a letter of a password. One behind a space begins a comment for everybody.
 */
function cutAtHash(text: string): string[] {
  const cut = dotenv.parse(text)
  // dotenv says what quotes keep: read without any #, a value goes on where it was cut.
  const whole = dotenv.parse(text.replaceAll('#', HASH))
  return Object.keys(SETTINGS).filter((name) => {
    const value = cut[name]
    const rest = value !== undefined && whole[name]?.startsWith(value) ? whole[name].slice(value.length) : ''
    return rest.startsWith(HASH) && !(value === '' && /^.\s/.test(rest))
  })
}
