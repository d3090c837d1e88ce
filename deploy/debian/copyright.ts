import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * debian/copyright in the machine-readable format, with the licences of the npm packages that are
 * bundled.
 */

export interface Bundled {
  /** In the package, from /usr/lib/leadmaster on. */
  path: string
  directory: string
  manifest: {
    name: string
    version: string
    license?: string
    licenses?: { type: string }[]
    author?: string | { name: string }
  }
}

/**
 * Licences by their SPDX name: what Debian calls them, and where the text that all its users share
 * begins.
 */
const known: Readonly<Record<string, { name: string; begins?: RegExp; text?: string }>> = {
  'Apache-2.0': {
    name: 'Apache-2.0',
    text: 'On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.'
  },
  MIT: { name: 'Expat', begins: /Permission is hereby granted/ },
  ISC: { name: 'ISC', begins: /Permission to use, copy/ },
  '0BSD': { name: '0BSD', begins: /Permission to use, copy/ },
  'BSD-2-Clause': { name: 'BSD-2-clause', begins: /Redistribution and use/ },
  'BSD-3-Clause': { name: 'BSD-3-clause', begins: /Redistribution and use/ },
  'BlueOak-1.0.0': { name: 'BlueOak-1.0.0', begins: /# Blue Oak Model License/ },
  'Python-2.0': { name: 'Python-2.0', begins: /A\. HISTORY OF THE SOFTWARE/ },
  Unlicense: { name: 'Unlicense', begins: /This is free and unencumbered/ },
  'LGPL-3.0-or-later': {
    name: 'LGPL-3+',
    text: 'On Debian systems the text of version 3 is in /usr/share/common-licenses/LGPL-3, and that of the GNU General Public License, which it refers to, in /usr/share/common-licenses/GPL-3. The package is here unchanged, with the text of its licence (COPYING.LESSER) and its source, and can be replaced where it is.'
  }
}

const licenceOf = ({ manifest: { name, license, licenses } }: Bundled): string => {
  const spdx = license ?? licenses?.[0]?.type ?? ''
  if (!(spdx in known))
    throw new Error(
      `${name} is under ${spdx || 'no licence that it names'}: look whether it may be bundled, and add it to deploy/debian/copyright.ts`
    )
  return spdx
}

const textOf = ({ directory }: Bundled): string => {
  const [file] = globSync('{licen[cs]e,LICEN[CS]E,COPYING}*', { cwd: directory }).sort()
  return file === undefined ? '' : readFileSync(join(directory, file), 'utf8').replaceAll('\r', '')
}

const holdersOf = (each: Bundled): string[] => {
  const { name, author } = each.manifest
  const lines = [
    ...textOf(each).matchAll(
      /^.{0,30}?((?:copyright\b|©|\(c\))(?=.*\d{4}|\s*\(c\)|\s+[A-Z]\w+.*contributors).*)$/gim
    )
  ]
    .map(([, line = '']) =>
      line
        .replace(/^copyright\s*:?\s*/i, '')
        .replace(/\s*all rights reserved\.?/i, '')
        .replace(/\s+/g, ' ')
        .trim()
    )
    .filter((line) => line !== '' && !/[[{<](yyyy|year)/i.test(line))
  // Node's names those of all that is built into it
  if (name.startsWith('node-linux-'))
    return ['Node.js contributors, and those whom its LICENSE names']
  const by = typeof author === 'string' ? author : author?.name
  return lines.length > 0
    ? [...new Set(lines)]
    : [by?.replace(/\s*[(<].*$/, '') || `the authors of ${name}`]
}

const indented = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => ` ${line.trim() === '' ? '.' : line.trimEnd()}`)
    .join('\n')

export const copyrightFile = (bundled: readonly Bundled[]): string => {
  const used = new Map<string, Bundled>()
  const stanzas = bundled.map((each) => {
    const spdx = licenceOf(each)
    const { name, begins } = known[spdx] as (typeof known)[string]
    // an example of its text that can be quoted
    if (!used.has(spdx) && (begins === undefined || begins.test(textOf(each)))) used.set(spdx, each)
    const comment = each.manifest.name.startsWith('node-linux-')
      ? '\nComment: LICENSE in that directory has the licences of all that is built into Node.js.'
      : ''
    return `Files: ${each.path}/*\nCopyright: ${holdersOf(each).join('\n           ')}\nLicense: ${name}${comment}\n`
  })
  const missing = [...new Set(bundled.map(licenceOf))].filter((spdx) => !used.has(spdx))
  if (missing.length > 0)
    throw new Error(`no bundled package has the text of ${missing.join(', ')}`)
  const licences = [...used].sort().map(([spdx, example]) => {
    const { name, begins, text } = known[spdx] as (typeof known)[string]
    const whole = textOf(example)
    return `License: ${name}\n${indented(text ?? whole.slice(whole.search(begins as RegExp)))}\n`
  })
  return [
    `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: LeadMaster
Comment: Made by scripts/deb from the package.json and licence files of the npm packages that are bundled in node_modules. Each has its own licence file beside it where it came with one.
`,
    'Files: *\nCopyright: the LeadMaster authors\nLicense: Apache-2.0\n',
    ...stanzas,
    ...licences
  ].join('\n')
}
