/** What the routes accept. A `|` in a name variant would be two variants in the old schema. */
const text = { type: 'string', minLength: 1, maxLength: 400 } as const

export const loginSchema = {
  body: {
    type: 'object',
    required: ['login', 'password'],
    properties: { login: text, password: { type: 'string', maxLength: 1_000 } },
  },
} as const

export const oneSchema = {
  params: { type: 'object', properties: { id: { type: 'integer', minimum: 1 } } },
} as const

export const listSchema = {
  querystring: {
    type: 'object',
    required: ['country'],
    properties: {
      country: { type: 'string', pattern: '^[A-Z]{2}$' },
      after: { type: 'integer', default: 0 },
      limit: { type: 'integer', minimum: 1, maximum: 200, default: 20 },
    },
  },
} as const

export const placeSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'variants', 'country', 'admin', 'feature', 'population', 'latitude', 'longitude', 'elevation'],
    properties: {
      name: text,
      variants: { type: 'array', maxItems: 50, items: { ...text, pattern: '^[^|]+$' } },
      country: { type: 'string', pattern: '^[A-Z]{2}$' },
      admin: { type: 'string', maxLength: 20 },
      feature: text,
      population: { type: 'integer', minimum: 0, maximum: 2_000_000_000 },
      latitude: { type: 'number', minimum: -90, maximum: 90 },
      longitude: { type: 'number', minimum: -180, maximum: 180 },
      elevation: { type: ['integer', 'null'] },
    },
  },
} as const

export const accountSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['email', 'name'],
    properties: { email: { ...text, pattern: '^[^@\\s]+@[^@\\s]+$' }, name: text },
  },
} as const
