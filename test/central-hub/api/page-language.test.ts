import t from 'tap'
import { pageLanguage } from '../../../src/central-hub/api/page-language.ts'

const languages = ['en', 'es', 'pt']

t.test('the page is in the first language that the browser accepts and the hub has', async (t) => {
  const cases: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7', 'pt'],
    ['es-419', 'es'],
    ['ES', 'es'],
    ['de-DE,de;q=0.9,es;q=0.5,en;q=0.1', 'es'],
    ['en;q=0.2, pt;q=0.8', 'pt'],
    ['es;q=0.5, pt;q=0.5', 'es'],
    ['es;q=0, en', 'en'],
    ['fr, *', 'en'],
    ['es;q=x', 'en'],
    [';;,=,q=', 'en']
  ]

  for (const [accepted, language] of cases) {
    const headers = accepted === undefined ? {} : { 'accept-language': accepted }
    t.equal(pageLanguage(headers, languages), language, String(accepted))
  }
})

t.test('a language chosen in the page comes before those of the browser', async (t) => {
  const asked = (cookie: string): string =>
    pageLanguage({ cookie, 'accept-language': 'es' }, languages)

  t.equal(asked('leadmaster-language=pt'), 'pt')
  t.equal(asked('leadmaster=x; leadmaster-language=en'), 'en')
  t.equal(asked('leadmaster-language=fr'), 'es', 'one that the hub does not have is left out')
  t.equal(asked('leadmaster-language=%E0%A4%A'), 'es')
  t.equal(asked('other=pt'), 'es')
})
