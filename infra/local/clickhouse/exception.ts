/** An error in ClickHouse's terms: number, name and text, as its HTTP interface reports them. */
export class EngineException extends Error {
  override readonly name = 'EngineException'
  readonly code: number
  readonly codeName: string

  constructor(code: number, codeName: string, message: string) {
    super(message)
    this.code = code
    this.codeName = codeName
  }

  /** The one-line form that clients parse: `Code: 60. DB::Exception: … (UNKNOWN_TABLE) (version …)`. */
  text(version: string): string {
    return `Code: ${this.code}. DB::Exception: ${this.message} (${this.codeName}) (version ${version} (official build))\n`
  }
}

const ENGINE_MESSAGE =
  /^Code: (\d+)\. DB::Exception: ([\s\S]*?)\s*\(([A-Z][A-Z0-9_]+)\)(?: \(version [^)]*\))?\.?\s*$/

/** Parses the engine's message; one of another form becomes UNKNOWN_EXCEPTION. */
export function parseEngineException(message: string): EngineException {
  let text = message
  let found: EngineException | undefined
  // Errors that crossed two layers of the engine repeat the frame; the innermost one is the message.
  for (;;) {
    const match = ENGINE_MESSAGE.exec(text)
    if (match === null) break
    const [, code = '0', inner = '', codeName = ''] = match
    found = new EngineException(Number(code), codeName, inner)
    text = inner
  }
  return found ?? new EngineException(1002, 'UNKNOWN_EXCEPTION', message.trim())
}

/** What the local server does not offer. The name of the missing thing comes first. */
export function notImplemented(what: string): EngineException {
  return new EngineException(
    48,
    'NOT_IMPLEMENTED',
    `${what} is not available in the local ClickHouse server.`,
  )
}

export function syntaxError(message: string): EngineException {
  return new EngineException(62, 'SYNTAX_ERROR', message)
}

const STATUS_BY_NAME: ReadonlyMap<string, number> = new Map(
  Object.entries({
    401: 'REQUIRED_PASSWORD',
    403: 'UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED',
    400: `BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING
      CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
      CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_UUID DUPLICATE_COLUMN
      ILLEGAL_COLUMN THERE_IS_NO_COLUMN UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE TOO_DEEP_AST TOO_BIG_AST
      UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE`,
    404: `UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE
      UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT UNKNOWN_DATABASE_ENGINE
      UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE`,
    408: 'TIMEOUT_EXCEEDED',
    411: 'HTTP_LENGTH_REQUIRED',
    413: 'QUERY_IS_TOO_LARGE',
    415: 'UNSUPPORTED_MEDIA_TYPE',
    501: 'NOT_IMPLEMENTED',
    503: 'SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK',
  }).flatMap(([status, names]) => names.split(/\s+/).map((name) => [name, Number(status)] as const)),
)

/** The HTTP status that the server gives for an exception that came before the first byte of the answer. */
export function httpStatus(exception: EngineException): number {
  return STATUS_BY_NAME.get(exception.codeName) ?? 500
}
