import t from 'tap'
import en from '../../../src/central-hub/console/en.json' with { type: 'json' }
import es from '../../../src/central-hub/console/es.json' with { type: 'json' }
import pt from '../../../src/central-hub/console/pt.json' with { type: 'json' }
import { importCodes, importFileCodes } from '../../../src/contract/lead.ts'

t.test(
  'the page has words for all that can be wrong with an import, in each language',
  async (t) => {
    const codes = [...importCodes, ...importFileCodes].toSorted()
    for (const [language, { importFaults }] of Object.entries({ en, es, pt })) {
      t.same(Object.keys(importFaults).toSorted(), codes, language)
      for (const [code, words] of Object.entries(importFaults))
        t.match(words, /\.$/, `${language}: ${code}`)
    }
  }
)
