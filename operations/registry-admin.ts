import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { askRegistry, type RegistryAccess } from '../runtime/registry-http.ts'
import { DaybookError } from '../schemas/errors.ts'

/** The rule of every event subject: each version reads every other, in both directions. */
export const SUBJECT_COMPATIBILITY = COMPATIBILITY.FULL_TRANSITIVE

/**
 * Registers `schema` under `subject` and gives its id; when it stands there already, the id it has. When this
 * returns, the subject's rule is FULL_TRANSITIVE, and was before the schema was taken.
 *
 * The text decides the id: register the text that this build exports, not a reformatted one.
 *
 * @throws DaybookError DAYBOOK_REGISTRY_INCOMPATIBLE when the rule refuses the schema, DAYBOOK_REGISTRY_REJECTED when
 *   the registry does not take it for another reason (neither retryable), and what `askRegistry` throws.
 */
export async function registerSchema(
  o: RegistryAccess & { readonly subject: string; readonly schema: string },
): Promise<number> {
  await setCompatibility(o)
  const client = new SchemaRegistry({
    host: o.url.replace(/\/+$/, ''),
    retry: { retries: 0 },
    ...(o.auth === undefined ? {} : { auth: o.auth }),
  })
  try {
    const { id } = await client.register(
      { type: SchemaType.AVRO, schema: o.schema },
      { subject: o.subject, compatibility: SUBJECT_COMPATIBILITY },
    )
    return id
  } catch (error) {
    throw await refusal(o, error)
  }
}

/** Sets the subject's rule, whether or not the subject has versions yet. */
async function setCompatibility(o: RegistryAccess & { readonly subject: string }): Promise<void> {
  const path = `/config/${encodeURIComponent(o.subject)}`
  const answer = await askRegistry(o, path, { method: 'PUT', body: { compatibility: SUBJECT_COMPATIBILITY } })
  if (answer.status === 200) return
  throw new DaybookError(
    'DAYBOOK_REGISTRY_REJECTED',
    `The schema registry did not take the rule ${SUBJECT_COMPATIBILITY} for subject ${o.subject} (${answer.status}).`,
    { details: { subject: o.subject, status: answer.status } },
  )
}

/** The client reports a registry that is down as status 400, so that is asked again before it counts as an answer. */
async function refusal(
  o: RegistryAccess & { readonly subject: string },
  cause: unknown,
): Promise<DaybookError> {
  const status = statusOf(cause)
  await askRegistry(o, `/config/${encodeURIComponent(o.subject)}`)
  if (status === 409) {
    return new DaybookError(
      'DAYBOOK_REGISTRY_INCOMPATIBLE',
      `Subject ${o.subject} refuses this schema: it is not ${SUBJECT_COMPATIBILITY} with every earlier version. Give new fields and enums a default, and remove or retype nothing.`,
      { cause, details: { subject: o.subject } },
    )
  }
  return new DaybookError(
    'DAYBOOK_REGISTRY_REJECTED',
    `The schema registry did not take the schema of subject ${o.subject}${status === null ? '' : ` (${status})`}.`,
    { cause, details: { subject: o.subject, status } },
  )
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('status' in error)) return null
  return typeof error.status === 'number' ? error.status : null
}
