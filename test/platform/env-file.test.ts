import t from 'tap'
import { fillEnvFile, parseEnvFile, readEnvFile } from '../../src/platform/env-file.ts'

t.test('a file is read as systemd reads it', async (t) => {
  const cases: Record<string, [file: string, variables: Record<string, string>]> = {
    'plain lines': ['A=1\nB=two words\n', { A: '1', B: 'two words' }],
    'no newline at the end': ['A=1', { A: '1' }],
    'comments of both kinds, empty lines, lines without =': [
      '# A=1\n; B=1\n\n  # C=1\nnothing\nD=1\n',
      { D: '1' }
    ],
    'a # inside a value is no comment': ['A=1 # 2\n', { A: '1 # 2' }],
    'white space round names and values': [' A = 1 \r\nB=\t2\t\n', { A: '1', B: '2' }],
    'an empty value': ['A=\nB=""\n', { A: '', B: '' }],
    'an = in a value': ['A=b=c==\n', { A: 'b=c==' }],
    quotes: [`A="a b"\nB='a b'\n`, { A: 'a b', B: 'a b' }],
    'quotes side by side are joined': [`A="a" 'b'\n`, { A: 'ab' }],
    'quotes inside a value stay': [`A=a "b" c\n`, { A: 'a "b" c' }],
    'a line without a name': ['=1\nA=2\n', { A: '2' }],
    'a newline in quotes': [`A="a\nb"\nB='c\nd'\n`, { A: 'a\nb', B: 'c\nd' }],
    'escapes in double quotes': ['A="\\"\\\\\\$\\`\\n"\n', { A: '"\\$`\\n' }],
    'no escapes in single quotes': [`A='\\n'\n`, { A: '\\n' }],
    'escapes without quotes': ['A=a\\ b\\"\n', { A: 'a b"' }],
    'a line that goes on': ['A=a\\\nb\nB=1\n', { A: 'ab', B: '1' }],
    'a carriage return ends a line, too, and a value may begin after one': [
      'A=1\rB=2\r\n#C=1\rD=3\rE\r="4"\\\r5\n',
      { A: '1', B: '2', D: '3' }
    ],
    'a blank of another kind is part of a name': [
      '\u00a0A=1\nB\u00a0=2\nC=3\n',
      { '\u00a0A': '1', 'B\u00a0': '2', C: '3' }
    ],
    'a quote in a line that begins with = is none of a value': [
      '="x\nA=1\n=B="2"\n',
      { A: '1', '=B': '2' }
    ],
    'a name that every object has': [
      '__proto__=1\nA=2\n',
      Object.fromEntries([
        ['__proto__', '1'],
        ['A', '2']
      ])
    ],
    'the later of two lines stands': ['A=1\nA=2\n', { A: '2' }],
    'no escape of a comment hides the next line but a backslash at its end': [
      '#a\\nb\nA=1\n#c\\\nB=2\nC=3\n',
      { A: '1', C: '3' }
    ]
  }
  for (const [what, [file, variables]] of Object.entries(cases))
    t.same(parseEnvFile(file), variables, what)
  for (const file of ['A="1\nB=2\n', "A='1\nB=2\n", 'A=1\\', '# A\\'])
    t.throws(() => parseEnvFile(file), { message: /not closed/ }, file)
})

t.test('where things stand in it', async (t) => {
  t.match(readEnvFile('# one\n\nA=1\nno assignment\nB="x\\\ny"\nA=2\n'), {
    assignments: [
      { name: 'A', line: 3 },
      { name: 'B', line: 5 },
      { name: 'A', line: 7 }
    ],
    strays: [{ line: 4, text: 'no assignment' }],
    variables: { A: '2', B: 'xy' }
  })
  t.match(readEnvFile('A=1\nB="2\n'), { variables: { A: '1' }, unclosed: 2 })
})

t.test('a template is filled in place, and what was commented out comes alive', async (t) => {
  const template = '# the port\nPORT=1\n#DIR=/x\n\n# last\nTOKEN=\n'
  const filled = fillEnvFile(template, { TOKEN: 'abc', DIR: '/a b/"$c"', PORT: '2' })
  t.equal(filled, '# the port\nPORT=2\nDIR="/a b/\\"\\$c\\""\n\n# last\nTOKEN=abc\n')
  t.same(
    parseEnvFile(filled),
    { PORT: '2', DIR: '/a b/"$c"', TOKEN: 'abc' },
    'and read back the same'
  )
  t.throws(() => fillEnvFile(template, { OTHER: '1' }), { message: 'there is no line for OTHER' })
})
