// The blocks of docs/operating.md by which it is installed, run as printed as far as a machine without systemd and Docker can: with
// stand-ins for npm, systemctl and docker, below a folder in place of `/`; and what a package has.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../src/config/config.ts'
import { EXIT } from '../../src/commands/exit-codes.ts'
import type { ProbeResult } from '../../src/engine/controller.ts'
import { Metrics } from '../../src/ops/metrics.ts'
import { startOps } from '../../src/ops/server.ts'

const TOP = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string): Promise<string> => readFile(join(TOP, file), 'utf8')

/** What makes a package and installs it takes minutes and a registry; it leaves here what it would leave there. */
const STAND_INS = {
  npm: `echo "npm $*" >> "$ROOT/called"
case $1 in
  pack) [ -e "$ROOT/ci" ] || { echo 'no compiler yet' >&2; exit 1; }; touch couch-shares-0.1.0.tgz ;;
  ci) touch "$ROOT/ci" ;;
  install) [ -e couch-shares-0.1.0.tgz ] && install -D -m 755 /dev/null "$ROOT/usr/bin/couch-shares" ;;
esac`,
  systemctl: 'echo "systemctl $*" >> "$ROOT/called"; [ -e "$ROOT/etc/systemd/system/couch-shares.service" ]',
  docker: 'echo "docker $*" >> "$ROOT/called"; [ -s deploy/secrets/admin-pass ]',
}

/** As GitHub, and npm's page, call them in links. */
const headings = (markdown: string): string[] =>
  [...markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

/** The shell blocks of a section of docs/operating.md. */
async function blocksAfter(heading: string): Promise<string[]> {
  const text = await read('docs/operating.md')
  const [, section = ''] = text.split(`\n### ${heading}\n`)
  const [own = ''] = section.split(/\n##+ /)
  return [...own.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = '']) => text)
}

describe('deployment', () => {
  let root: string
  let project: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'couch-shares-deployment-'))
    project = join(root, 'project')
    await mkdir(join(root, 'bin'))
    await mkdir(join(root, 'etc/systemd/system'), { recursive: true })
    await mkdir(join(root, 'usr/bin'), { recursive: true })
    for (const [name, script] of Object.entries(STAND_INS)) {
      await writeFile(join(root, 'bin', name), `#!/bin/sh\n${script}\n`)
      await chmod(join(root, 'bin', name), 0o755)
    }
    await cp(join(TOP, 'deploy'), join(project, 'deploy'), { recursive: true })
  })
  afterEach(() => rm(root, { recursive: true }))

  /** Runs a block as it is pasted, but below another root. */
  function paste(block: string, typed = ''): void {
    const text = block.replaceAll(/(?<= )\/(?=etc|usr)/g, `${root}/`)
    // From a file: what Node.js gives a child as stdin is a socket, which no terminal is, and which cannot be opened by name.
    writeFileSync(join(root, 'typed'), typed)
    const stdin = openSync(join(root, 'typed'), 'r')
    try {
      execFileSync('bash', ['-euo', 'pipefail', '-c', text], {
        cwd: project,
        env: { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, ROOT: root },
        stdio: [stdin, 'pipe', 'pipe'],
      })
    } finally {
      closeSync(stdin)
    }
  }

  const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

  it('comes with all that the documents speak of', async () => {
    const listed = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
      cwd: TOP,
      encoding: 'utf8',
    })
    const [{ files }] = JSON.parse(listed) as [{ files: { path: string }[] }]
    const there = new Set(files.map(({ path }) => path))
    for (const path of ['deploy/couch-shares.service', 'docs/gateway.md', '.env.example', 'README.md'])
      assert(there.has(path), `Expected ${path} in the package`)
    assert(![...there].some((path) => path.includes('secrets')))
    const documents = [...there].filter((path) => path.endsWith('.md'))
    for (const file of documents)
      for (const [, target = ''] of (await read(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
        const [path = ''] = target.split('#')
        if (path === '' || /^[a-z]+:/.test(path)) continue
        assert(there.has(posix.normalize(posix.join(posix.dirname(file), path))), `${file} names ${target}`)
      }
  })

  it('has links that lead somewhere: to a heading, and into the repository', async () => {
    const docs = await readdir(join(TOP, 'docs'), { recursive: true })
    const files = docs.filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`)
    const manifest = JSON.parse(await read('package.json')) as { repository: { url: string } }
    const repository = `${/https:.*(?=\.git$)/.exec(manifest.repository.url)?.[0]}/blob/HEAD/`
    for (const file of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...files])
      for (const [, target = ''] of (await read(file)).matchAll(/\]\(([^)\s]+)\)/g)) {
        const here = target.replace(repository, '../'.repeat(file.split('/').length - 1))
        if (/^[a-z]+:/.test(here)) continue
        const [path = '', anchor] = here.split('#')
        const other = path === '' ? file : posix.join(posix.dirname(file), path)
        await stat(join(TOP, other))
        if (anchor === undefined) continue
        assert(headings(await read(other)).includes(anchor), `${file} names ${target}`)
      }
  })

  it('has all exit codes in a table', async () => {
    const [, section = ''] = (await read('docs/operating.md')).split('\n### Exit codes\n')
    const codes = [...(section.split('\n#')[0] ?? '').matchAll(/^\| (\d+) /gm)].map(([, code]) =>
      Number(code),
    )
    assert.deepEqual(codes, [...new Set<number>(Object.values(EXIT))])
  })

  it('leaves by the blocks for systemd what the unit looks for', async () => {
    const [prepare = '', password = '', start = '', ...more] = await blocksAfter('systemd')
    assert.deepEqual(more, [])
    // What it reads is typed: in a block with others it would take the lines that were pasted after it.
    assert.equal(password.trim().split('\n').length, 1)
    paste(prepare)
    paste(password, 's3cret\n')
    paste(start)
    const called = (await readFile(join(root, 'called'), 'utf8')).trim().split('\n')
    assert.deepEqual(called, [
      'npm ci',
      'npm pack',
      `npm install --global --prefix ${root}/usr ./couch-shares-0.1.0.tgz`,
      'systemctl daemon-reload',
      'systemctl enable --now couch-shares',
    ])
    const unit = await readFile(join(root, 'etc/systemd/system/couch-shares.service'), 'utf8')
    const [command] = /(?<=^ExecStart=).*/m.exec(unit) ?? ['']
    const [settings] = /(?<=^EnvironmentFile=-).*/m.exec(unit) ?? ['']
    const [secret] = /(?<=^LoadCredential=admin-pass:).*/m.exec(unit) ?? ['']
    assert.equal(await mode(root + command), '755')
    assert.equal(await mode(root + secret), '600')
    assert.equal(await mode(dirname(root + secret)), '700')
    const lines = (await readFile(root + settings, 'utf8')).trim().split('\n')
    const env = Object.fromEntries(lines.map((line) => line.split('=') as [string, string]))
    const { server, admin } = loadConfig({ ...env, HOODIE_ADMIN_PASS_FILE: root + secret })
    assert.deepEqual(server, { kind: 'couchdb', url: 'http://127.0.0.1:5984' })
    assert.deepEqual(admin, { user: 'admin', pass: 's3cret' })
    const { bin, scripts } = JSON.parse(await read('package.json')) as Record<string, Record<string, string>>
    assert.deepEqual(Object.keys(bin ?? {}), [command.split('/').pop()])
    // `npm pack` builds it.
    assert.equal(scripts?.['prepack'], 'npm run build')
  })

  for (const name of ['couch-shares.service', 'couch-shares@.service'])
    it(`has a unit ${name} that systemd takes, and that stays down where a restart heals nothing`, async function () {
      const unit = await read(`deploy/${name}`)
      const codes = /(?<=^RestartPreventExitStatus=).*/m.exec(unit)?.[0].split(' ').map(Number) ?? []
      assert(codes.length > 0)
      for (const code of codes) assert(Object.values<number>(EXIT).includes(code), String(code))
      if (spawnSync('systemd-analyze', ['--version']).error) this.skip()
      // Of what it runs, systemd only looks whether it is there.
      const there = unit.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath}`)
      await writeFile(join(root, name), there)
      const instance = join(root, name.replace('@', '@1'))
      const verified = spawnSync('systemd-analyze', ['verify', instance], { encoding: 'utf8' })
      assert.deepEqual([verified.status, verified.stderr], [0, ''])
    })

  it('has the same in the unit of several processes as in that of one, but for what is an instance’s own', async () => {
    const serviceOf = async (name: string): Promise<string[]> =>
      (await read(`deploy/${name}`)).split('\n[Service]\n')[1]?.split('\n') ?? []
    const one = await serviceOf('couch-shares.service')
    const several = await serviceOf('couch-shares@.service')
    assert.deepEqual(
      several.filter((line) => !one.includes(line)),
      ['EnvironmentFile=-/etc/couch-shares/env-%i'],
    )
    assert.deepEqual(
      one.filter((line) => !several.includes(line)),
      [],
    )
  })

  it('leaves by the block for containers the secrets that the composition takes', async () => {
    const [block = '', ...more] = await blocksAfter('Containers')
    assert.deepEqual(more, [])
    paste(block)
    const called = (await readFile(join(root, 'called'), 'utf8')).trim()
    assert.equal(called, 'docker compose -f deploy/compose.yaml up --build')
    const composition = await read('deploy/compose.yaml')
    const secrets = [...composition.matchAll(/(?<=^ {4}file: ).*/gm)].map(([file]) => file)
    assert.deepEqual(secrets, ['secrets/admin-user', 'secrets/admin-pass'])
    for (const file of secrets) {
      const path = join(project, 'deploy', file)
      assert.notEqual((await readFile(path, 'utf8')).trim(), '')
      assert.equal(await mode(path), '644')
    }
    assert.equal(await mode(join(project, 'deploy/secrets')), '700')
    // In the file's own words, too.
    const said = composition.split('\n').filter((line) => line.startsWith('#   '))
    const words = said.map((line) => line.slice(4).replace(/ {3}\(.*/, ''))
    assert.deepEqual(words, block.trim().split('\n'))
    assert((await read('.gitignore')).split('\n').includes('deploy/secrets/'))
  })

  it('has a composition that says how a skeleton gets in, and where the folder is', async () => {
    const composition = (await read('deploy/compose.yaml')).replaceAll(/(?<=^ {4}(?: {2})?)# /gm, '')
    const [, folder = ''] = /^ {6}SKELETON: (.*)$/m.exec(composition) ?? []
    assert.notEqual(folder, '')
    assert.match(composition, new RegExp(`^ {4}volumes:\n {6}- \\./skeleton:${folder}:ro$`, 'm'))
  })

  it('has a composition that Docker reads', async function () {
    if (spawnSync('docker', ['compose', 'version']).status !== 0) this.skip()
    const [block = ''] = await blocksAfter('Containers')
    paste(block)
    const file = join(project, 'deploy/compose.yaml')
    const { status, stderr } = spawnSync('docker', ['compose', '-f', file, 'config', '--quiet'], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
  })

  describe('the health check of the image', () => {
    let check: string[]
    before(async () => {
      const [found = ''] = /(?<=^HEALTHCHECK [^]*?CMD )\[.*\]$/m.exec(await read('deploy/Dockerfile')) ?? []
      check = JSON.parse(found) as string[]
    })
    /** As Docker does it, with the variables of the image. */
    const isWell = async (host: string, port: number): Promise<boolean> => {
      const [command = '', ...args] = check
      const env = { PATH: process.env['PATH'] ?? '', OPS_HOST: host, OPS_PORT: String(port) }
      const child = spawn(command, args, { env, stdio: 'ignore' })
      const [code] = (await once(child, 'exit')) as [number]
      return code === 0
    }

    for (const host of ['127.0.0.1', '0.0.0.0', '::'])
      it(`asks the daemon that listens on ${host}`, async function () {
        let verdict: ProbeResult = { ok: true }
        const ops = await startOps({
          host,
          port: 0,
          metrics: new Metrics(),
          watched: {
            ...{ health: () => verdict, ready: () => ({ ok: false }) },
            ...{ isAtWork: false, standings: new Map() },
          },
        }).catch((error: unknown) => {
          // Not every machine has IPv6.
          if (host === '::') return this.skip()
          throw error
        })
        try {
          assert.equal(await isWell(host, ops.port), true)
          verdict = { ok: false }
          assert.equal(await isWell(host, ops.port), false)
        } finally {
          await ops.close()
        }
        assert.equal(await isWell(host, ops.port), false, 'nobody listens any more')
      })

    it('starts no Node.js', () => assert.doesNotMatch(check.join(' '), /node/))
  })

  it('starts in the image what a package starts, which looks at the version of Node.js', async () => {
    const { bin } = JSON.parse(await read('package.json')) as { bin: Record<string, string> }
    const [entry = ''] = /(?<=^ENTRYPOINT ).*$/m.exec(await read('deploy/Dockerfile')) ?? []
    assert.deepEqual(JSON.parse(entry), ['node', `/app/${bin['couch-shares']}`])
  })

  it('builds the image of what is there, and of what is let into it', async () => {
    const dockerfile = await read('deploy/Dockerfile')
    const letIn = (await read('.dockerignore')).split('\n').flatMap((line) => /^!(.*)/.exec(line)?.[1] ?? [])
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, all = '']) =>
      all.split(' '),
    )
    assert(copied.length > 5)
    for (const path of copied) {
      await stat(join(TOP, path))
      assert(letIn.includes(path), `Expected .dockerignore to let ${path} in`)
    }
  })
})
