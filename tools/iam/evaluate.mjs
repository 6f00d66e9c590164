// Judges requests with an evaluator that is not ours: node evaluate.mjs SIMULATIONS VERDICTS

import { readFileSync, writeFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const [, , source, target] = process.argv
const { inputs, simulations } = JSON.parse(readFileSync(source, 'utf8'))
const lock = JSON.parse(readFileSync(new URL('package-lock.json', import.meta.url), 'utf8'))
const evaluator = lock.packages['node_modules/@cloud-copilot/iam-simulate'].version

const verdicts = {}
const problems = []
for (const [title, simulation] of Object.entries(simulations)) {
  const judged = await runSimulation(simulation, {})
  const results = judged.results ?? [judged.result]
  const ignored = results.flatMap((result) => result?.ignoredContextKeys ?? [])
  if (judged.resultType === 'error') {
    problems.push(`${title}: ${JSON.stringify(judged.errors)}`)
  } else if (ignored.length > 0) {
    problems.push(`${title}: the evaluator ignores ${ignored.join(', ')}`)
  }
  verdicts[title] = judged.overallResult
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
writeFileSync(target, `${JSON.stringify({ evaluator, inputs, verdicts }, null, 2)}\n`)
