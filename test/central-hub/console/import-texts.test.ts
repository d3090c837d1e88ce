import t from 'tap'
import { english } from '../../../src/central-hub/console/english.js'
import { spanish } from '../../../src/central-hub/console/spanish.js'
import { importCodes, importFileCodes } from '../../../src/contract/lead.ts'

t.test(
  'the page has words for all that can be wrong with an import, in each language',
  async (t) => {
    const codes = [...importCodes, ...importFileCodes].toSorted()
    for (const [language, { importFaults }] of Object.entries({ english, spanish })) {
      t.same(Object.keys(importFaults).toSorted(), codes, language)
      for (const [code, words] of Object.entries(importFaults))
        t.match(words, /\.$/, `${language}: ${code}`)
    }
  }
)
