// The table in docs/settings.md, made of the table of settings in src/config/settings.ts: `npm run settings` prints it.
import { pathToFileURL } from 'node:url'
import { format } from 'prettier'
import { SETTINGS } from '../../src/config/settings.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** A row for each setting, in the order of the settings, laid out as `npm run format` does it. */
export async function settingsTable(): Promise<string> {
  const rows = Object.entries(SETTINGS).map(([name, setting]) => [
    `\`${name}\``,
    setting.default === null ? '' : `\`${setting.default}\``,
    setting.says,
  ])
  const lines = [['variable', 'default', 'what it says'], ['-', '-', '-'], ...rows]
  return format(lines.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n'), { parser: 'markdown' })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(await settingsTable())
