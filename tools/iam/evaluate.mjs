// Judges requests with iam-simulate: node evaluate.mjs SIMULATIONS VERDICTS

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const [, , source, target] = process.argv
const { inputs, simulations } = JSON.parse(readFileSync(source, 'utf8'))
const installed = createRequire(import.meta.url)('./package-lock.json').packages
const evaluator = Object.entries(installed)
  .filter(([path]) => path !== '')
  .map(([path, { version }]) => `${path.replace('node_modules/', '')} ${version}`)

const verdicts = {}
for (const [title, simulation] of Object.entries(simulations)) {
  const checked = await runSimulation(simulation, {})
  if (checked.resultType === 'error') {
    console.error(title, JSON.stringify(checked.errors, null, 1))
    process.exit(1)
  }
  const ignored = (checked.results ?? [checked.result]).flatMap((one) => one.ignoredContextKeys ?? [])
  verdicts[title] = {
    verdict: checked.overallResult,
    ...(ignored.length ? { ignored } : {})
  }
}
const text = JSON.stringify({ evaluator, inputs, verdicts }, null, 2)
writeFileSync(target, `${text}\n`)
