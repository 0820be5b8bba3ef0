// Calls what `_security.call` names with its arguments, and refuses with what came of it: so a case can try anything.
import { fields, rules, type Validator } from 'couch-shares/rules'

interface Call {
  name: string
  args?: unknown[]
}

/** `text`, `optional text`: a validator by its name. */
function validatorOf(name: string): Validator {
  const [first = '', second] = name.split(' ')
  const named = fields as unknown as Record<string, Validator>
  return second === undefined ? (named[first] as Validator) : fields.optional(named[second] as Validator)
}

export default rules((context) => {
  const call = context.secObj['call'] as Call | undefined
  if (call === undefined) return
  const { name, args = [] } = call
  const member = (context as unknown as Record<string, unknown>)[name]
  if (typeof member !== 'function') return context.forbidden(`${name}: ${JSON.stringify(member)}`)
  if (/^validate_?[fF]ields$/.test(name)) {
    const validators: Record<string, Validator> = {}
    for (const field of Object.keys(args[0] as object))
      validators[field] = validatorOf((args[0] as Record<string, string>)[field] ?? '')
    return context.validateFields(validators)
  }
  const given = (member as (...given: unknown[]) => unknown)(...args)
  if (given !== undefined) context.forbidden(`${name}: ${JSON.stringify(given)}`)
})
