// Stremio's own client of add-ons asks a node what its arguments name, and its linter looks at the manifest. One JSON value
// on stdout: what the linter said, and each answer.
const { detectFromURL } = require('stremio-addon-client')
const linter = require('stremio-addon-linter')

async function main() {
  const [url, ...questions] = process.argv.slice(2)
  const { addon } = await detectFromURL(url)
  const lint = linter.lintManifest(addon.manifest)
  const said = (list) => list.map((error) => error.message)
  const answers = []
  for (const question of questions) {
    const [resource, type, id, extra] = JSON.parse(question)
    answers.push(await addon.get(resource, type, id, extra).catch((error) => ({ error: String(error && error.message || error) })))
  }
  const offered = answers.flatMap((answer) => answer.addons || [])
  const collection = linter.lintCollection(offered)
  console.log(JSON.stringify({
    manifest: addon.manifest,
    valid: lint.valid && collection.valid,
    errors: said(lint.errors).concat(said(collection.errors)),
    warnings: said(lint.warnings),
    supported: questions.map((question) => addon.isSupported(...JSON.parse(question))),
    answers,
  }))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
