import t from 'tap'

/** What the page writes, in every locale that a browser may ask for. */

const stored = { getItem: () => null, setItem: () => undefined }
const languages: string[] = []
Object.defineProperty(globalThis, 'localStorage', { value: stored, configurable: true })
Object.defineProperty(globalThis, 'navigator', { value: { languages }, configurable: true })
Object.defineProperty(globalThis, 'document', {
  value: { getElementById: () => null, cookie: '' },
  configurable: true
})
globalThis.fetch = async () => Response.json({})

const { duration } = await import('../../../src/central-hub/console/format.js')
const { setLanguage } = await import('../../../src/central-hub/console/texts.js')

const regions = {
  es: [
    'AR',
    'BO',
    'CL',
    'CO',
    'CR',
    'CU',
    'DO',
    'EC',
    'ES',
    'GQ',
    'GT',
    'HN',
    'MX',
    'NI',
    'PA',
    'PE',
    'PH',
    'PR',
    'PY',
    'SV',
    'US',
    'UY',
    'VE',
    '419'
  ],
  pt: ['BR', 'PT', 'AO', 'MZ', 'CV', 'GW', 'ST', 'TL', 'MO', 'CH', 'LU', 'GQ'],
  en: ['US', 'GB', 'CA', 'AU', 'NZ', 'IE', 'IN', 'ZA', 'PH', 'SG', 'NG', 'KE']
} as const

t.test('a short duration is a number and one unit, in every locale', async (t) => {
  for (const language of ['es', 'pt', 'en'] as const) {
    await setLanguage(language)
    for (const region of regions[language]) {
      languages.splice(0, languages.length, `${language}-${region}`)
      for (const [seconds, written] of [
        [0, /^0s$/],
        [59, /^59s$/],
        [60, /^1min$/],
        [3_599, /^59min$/],
        [3_600, /^1h$/],
        [86_399, /^23h$/],
        [86_400, /^1d$/],
        [400 * 86_400, /^400d$/]
      ] as const) {
        t.match(
          duration(seconds * 1_000),
          written,
          `${language}-${region}: ${duration(seconds * 1_000)}`
        )
      }
    }
  }
})
