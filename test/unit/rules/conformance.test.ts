// Every case of test/conformance in Node: the module itself, and its bundle. CouchDB's say is in test/couch/skeletons/rules.test.ts.
import assert from 'node:assert/strict'
import { bundleRules } from '../../../src/functions/bundle.ts'
import { Engine } from '../../../src/functions/validation.ts'
import { GROUPS } from '../../conformance/cases.ts'
import { fileOf, importRules, sayBundle, sayModule } from '../../conformance/run.ts'

describe('rules, cases', () => {
  it('are many, and no two are the same', () => {
    const all = GROUPS.flatMap(({ file, cases }) =>
      cases.map(({ name: _, expected: __, doc: { _id, ...doc }, ...rest }) =>
        JSON.stringify([file, rest, /^(?:call|doc)-/.test(_id ?? '') ? '' : _id, doc]),
      ),
    )
    assert.ok(all.length >= 200, `${all.length}`)
    assert.deepEqual(
      all.filter((one, index) => all.indexOf(one) !== index),
      [],
    )
  })

  for (const { file, cases } of GROUPS)
    it(`${file}: the module and its bundle say what is expected`, async () => {
      const validate = await importRules(file)
      const engine = new Engine(await bundleRules(fileOf(file)))
      const said = cases.map((one) => [one.name, sayModule(validate, one), sayBundle(engine, one)])
      assert.deepEqual(
        said,
        cases.map(({ name, expected }) => [name, expected, expected]),
      )
    })
})
