// Reads settings one by one, and notes what is wrong with each, so that all faults are told at once.
import { SettingError } from '../documents/setting.ts'
import { display, displayFile, NOT_SHOWN, type Fault } from './faults.ts'
import { SETTINGS, type Name, type Plain, type Setting, type Value } from './settings.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** The value of a setting: null where it is unset, undefined where a fault was noted. */
export type Read<T> = T | null | undefined

/** The settings of one environment. */
export class SettingsReader {
  readonly env: Variables
  /** In the order in which settings were read. */
  readonly faults: Fault[] = []
  readonly #readFile: (path: string) => string
  readonly #values = new Map<Name, unknown>()

  constructor(env: Variables, readFile: (path: string) => string) {
    this.env = env
    this.#readFile = readFile
  }

  /** Notes what is wrong. */
  fault(variable: Name, expected: string, found: string): undefined {
    this.faults.push({ variable, expected, found })
  }

  /** As it is written; an empty value counts as unset. */
  written(name: Name): string | null {
    const text = this.env[name]
    if (text === undefined) return null
    const kept = 'hidden' in SETTINGS[name] ? text : text.trim()
    return kept === '' ? null : kept
  }

  /** The checked value, or the default's. Asked again, it is the same, and no fault is noted twice. */
  read<N extends Name>(name: N): Read<Value<N>> {
    if (!this.#values.has(name))
      this.#values.set(name, this.check(name, this.written(name) ?? SETTINGS[name].default))
    return this.#values.get(name) as Read<Value<N>>
  }

  /** Checks a text that stands for the value of a setting. */
  check<N extends Name>(name: N, text: string | null): Read<Value<N>> {
    if (text === null) return null
    const { schema, hidden }: Setting = SETTINGS[name]
    const { success, data, error } = schema.safeParse(text)
    if (success) return data as Value<N>
    const [issue] = error.issues
    const found = issue?.code === 'custom' ? (issue.params?.['found'] as string | undefined) : undefined
    return this.fault(name, issue?.message ?? 'valid', hidden ? NOT_SHOWN : display(found ?? text))
  }

  /** What a list comes to that is to be read beside other settings; undefined where a fault was noted. */
  readList<Entries>(
    name: 'MASTER_DATABASES' | 'DATABASES',
    parse: (text: string) => Entries,
  ): Entries | undefined {
    try {
      return parse(this.read(name) ?? '')
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      return this.fault(name, error.expected, display(error.found))
    }
  }

  /** The text of a secret's file without its last line break; null where no file is named. */
  readSecretFile(name: Name): Read<string> {
    const path = this.written(name)
    if (path === null) return null
    try {
      const text = this.#readFile(path).replace(/\r?\n$/, '')
      return text === ''
        ? this.fault(name, 'a file with a value in it', `${displayFile(path)}, which is empty`)
        : text
    } catch (error) {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException
      return this.fault(name, 'a file that can be read', `${displayFile(path)} (${code})`)
    }
  }

  /** All settings that become a part of the configuration as they are; undefined where a fault was noted. */
  plain(): { [Key in keyof Plain]: Plain[Key] | undefined } {
    const entries = Object.entries<Setting>(SETTINGS).flatMap(([name, { key }]) =>
      key === undefined ? [] : [[key, this.read(name as Name)] as const],
    )
    return Object.fromEntries(entries) as { [Key in keyof Plain]: Plain[Key] | undefined }
  }
}
