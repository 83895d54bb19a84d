import { z } from "zod";

/** The part of JSON Schema that our schemas use. */
export interface JsonSchema {
  readonly type?: string;
  /** What is allowed in words, where the schema itself would say it in signs. */
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
}

/** What may be written, as JSON Schema: for editors, for the documentation and for the word "Allowed" in an error. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    // The dialect that editors understand best.
    target: "draft-7",
    override: ({ jsonSchema }) => {
      // Zod bounds every whole number by what a double can hold; nobody wants to read that.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  }) as JsonSchema;
}

/** What may stand at the path, in words. */
export function allowedAt(schema: z.ZodType, path: readonly (string | number)[]): string {
  return sayAllowed(schemaAt(schema, path));
}

/** The keys of the object at the path. */
export function keysAt(schema: z.ZodType, path: readonly (string | number)[]): readonly string[] {
  return Object.keys(schemaAt(schema, path).properties ?? {});
}

function schemaAt(schema: z.ZodType, path: readonly (string | number)[]): JsonSchema {
  return path.reduce<JsonSchema>((at, part) => {
    if (typeof part === "number") return at.items ?? {};
    if (at.properties && Object.hasOwn(at.properties, part)) return at.properties[part] ?? {};
    return typeof at.additionalProperties === "object" ? at.additionalProperties : {};
  }, jsonSchemaOf(schema));
}

/** A schema in words, for a sentence: `a whole number from 1 to 64`. */
export function sayAllowed(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.anyOf?.some((one) => one.type !== undefined)) {
    return schema.anyOf.map(sayAllowed).join(", or ");
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  switch (schema.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number${sayBounds(schema)}`;
    case "number":
      return `a number${sayBounds(schema)}`;
    case "string":
      return sayText(schema);
    case "array":
      return schema.items ? `a list, each ${sayAllowed(schema.items)}` : "a list";
    case "object":
      return sayObject(schema);
    default:
      return "a value";
  }
}

function sayBounds({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return exclusiveMinimum === undefined ? "" : ` above ${exclusiveMinimum}`;
}

function sayText({ minLength = 0, format }: JsonSchema): string {
  if (format === "uri") return "an http or https URL";
  if (minLength > 1) return `text of at least ${minLength} characters`;
  return minLength === 1 ? "text that is not empty" : "text";
}

function sayObject({ properties, required = [], additionalProperties }: JsonSchema): string {
  if (!properties) {
    const values = typeof additionalProperties === "object" ? sayAllowed(additionalProperties) : "a value";
    return `an object whose values are each ${values}`;
  }
  const keys = Object.keys(properties).map((key) => (required.includes(key) ? key : `${key}?`));
  return `an object {${keys.join(", ")}}`;
}
