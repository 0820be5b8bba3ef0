// What CouchDB says is wrong is told without what it quotes: documents, and whatever else it had in hand.
import assert from 'node:assert/strict'
import { plainWords } from '../../../src/couch/plain-words.ts'

const TABLE: readonly [text: string, expected: string][] = [
  ['', ''],
  ['missing', 'missing'],
  [
    "No DB shards could be opened. It's [www.example] {x}",
    "No DB shards could be opened. It's [www.example] {x}",
  ],
  ['{badmatch,{[{<<"name">>,<<"of a user">>}]}}', '{badmatch,{[{…'],
  ['function_clause: [{"name","x"}]', 'function_clause: [{…'],
  ['refused: {"name":"of a user"}', 'refused: {…'],
  ['{case_clause,[111,102,32]}', '{case_clause,…'],
  ['no Basic YWRtaW46cGFzcw==, at http://u:p@h', 'no Basic ***, at http://***@h'],
  ['the name "joe" is taken', 'the name …'],
]

describe('words of a server', () => {
  for (const [text, expected] of TABLE)
    it(`are told: ${expected === '' ? 'none' : expected}`, () => assert.equal(plainWords(text), expected))
})
