//! The messages of the API that the client sends and the emulator serves. Members for tools are accepted without a check.

use super::Kind::{Any, Bool, Bytes, Enum, Float, Int32, Int64, Object, Text};
use super::{Field, Kind, Message};

const fn one(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, repeated: false }
}

const fn many(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, repeated: true }
}

const fn message(fields: &'static [Field]) -> Message {
    Message { fields, one_of: &[] }
}

const fn of(message: &'static Message) -> Kind {
    Kind::Message(message)
}

/// The body of `generateContent` and `streamGenerateContent`.
pub(crate) static GENERATE_CONTENT: Message = message(&[
    one("model", Text),
    many("contents", of(&CONTENT)),
    one("systemInstruction", of(&CONTENT)),
    many("safetySettings", of(&SAFETY_SETTING)),
    one("generationConfig", of(&GENERATION_CONFIG)),
    many("tools", of(&TOOL)),
    one("toolConfig", of(&TOOL_CONFIG)),
    one("cachedContent", Text),
    one("serviceTier", Text),
    one("store", Bool),
    one("labels", Object),
    one("continuationToken", Bytes),
]);

/// The body of `countTokens`.
pub(crate) static COUNT_TOKENS: Message = message(&[
    one("model", Text),
    many("contents", of(&CONTENT)),
    one("generateContentRequest", of(&GENERATE_CONTENT)),
]);

/// A line of a batch's input file.
pub(crate) static BATCH_LINE: Message = message(&[one("key", Any), one("request", of(&GENERATE_CONTENT))]);

/// The body of `batchGenerateContent`.
pub(crate) static CREATE_BATCH: Message = message(&[one("batch", of(&BATCH))]);

/// The members of a batch that a request may have.
pub(super) static BATCH: Message = message(&[
    one("model", Text),
    one("name", Text),
    one("displayName", Text),
    one("inputConfig", of(&INPUT_CONFIG)),
    one("output", Object),
    one("createTime", Text),
    one("updateTime", Text),
    one("endTime", Text),
    one("batchStats", Object),
    one("state", Any),
    one("priority", Int64),
    one("webhookConfig", Object),
]);

static INPUT_CONFIG: Message = Message {
    fields: &[one("fileName", Text), one("requests", of(&INLINED_REQUESTS))],
    one_of: &["fileName", "requests"],
};
static INLINED_REQUESTS: Message = message(&[many("requests", of(&INLINED_REQUEST))]);
static INLINED_REQUEST: Message = message(&[one("request", of(&GENERATE_CONTENT)), one("metadata", Object)]);

/// The body that starts an upload.
pub(crate) static CREATE_FILE: Message = message(&[one("file", of(&FILE))]);

static FILE: Message = message(&[
    one("name", Text),
    one("displayName", Text),
    one("mimeType", Text),
    one("sizeBytes", Int64),
    one("createTime", Text),
    one("updateTime", Text),
    one("expirationTime", Text),
    one("sha256Hash", Text),
    one("uri", Text),
    one("downloadUri", Text),
    one("state", Any),
    one("source", Any),
    one("error", Object),
    one("videoMetadata", Object),
]);

static CONTENT: Message = message(&[many("parts", of(&PART)), one("role", Text)]);

static PART: Message = Message {
    fields: &[
        one("text", Text),
        one("inlineData", of(&BLOB)),
        one("fileData", of(&FILE_DATA)),
        one("functionCall", Object),
        one("functionResponse", Object),
        one("executableCode", Object),
        one("codeExecutionResult", Object),
        one("toolCall", Object),
        one("toolResponse", Object),
        one("thought", Bool),
        one("thoughtSignature", Bytes),
        one("videoMetadata", Object),
        one("mediaResolution", of(&PART_RESOLUTION)),
        one("partMetadata", Object),
        one("audioTranscription", Object),
        one("mediaProcessing", Object),
        one("speechMetadata", Object),
        one("documentMetadata", Object),
        one("spreadsheetMetadata", Object),
        one("audioMetadata", Object),
    ],
    one_of: &[
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    ],
};

static BLOB: Message = message(&[one("mimeType", Text), one("data", Bytes), one("displayName", Text)]);
static FILE_DATA: Message = message(&[one("mimeType", Text), one("fileUri", Text), one("displayName", Text)]);

static PART_RESOLUTION: Message = message(&[
    one(
        "level",
        Enum(&[
            "MEDIA_RESOLUTION_UNSPECIFIED",
            "MEDIA_RESOLUTION_LOW",
            "MEDIA_RESOLUTION_MEDIUM",
            "MEDIA_RESOLUTION_HIGH",
            "MEDIA_RESOLUTION_ULTRA_HIGH",
        ]),
    ),
    one("numTokens", Int32),
]);

static SAFETY_SETTING: Message = message(&[
    one(
        "category",
        Enum(&[
            "HARM_CATEGORY_UNSPECIFIED",
            "HARM_CATEGORY_HARASSMENT",
            "HARM_CATEGORY_HATE_SPEECH",
            "HARM_CATEGORY_SEXUALLY_EXPLICIT",
            "HARM_CATEGORY_DANGEROUS_CONTENT",
            "HARM_CATEGORY_CIVIC_INTEGRITY",
            "HARM_CATEGORY_JAILBREAK",
            "HARM_CATEGORY_DEROGATORY",
            "HARM_CATEGORY_TOXICITY",
            "HARM_CATEGORY_VIOLENCE",
            "HARM_CATEGORY_SEXUAL",
            "HARM_CATEGORY_MEDICAL",
            "HARM_CATEGORY_DANGEROUS",
        ]),
    ),
    one(
        "threshold",
        Enum(&[
            "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_ONLY_HIGH",
            "BLOCK_NONE",
            "OFF",
        ]),
    ),
]);

static GENERATION_CONFIG: Message = message(&[
    one("candidateCount", Int32),
    many("stopSequences", Text),
    one("maxOutputTokens", Int32),
    one("temperature", Float),
    one("topP", Float),
    one("topK", Int32),
    one("seed", Int32),
    one("responseMimeType", Text),
    one("responseSchema", of(&SCHEMA)),
    one("responseJsonSchema", Any),
    one("presencePenalty", Float),
    one("frequencyPenalty", Float),
    one("responseLogprobs", Bool),
    one("logprobs", Int32),
    one("enableEnhancedCivicAnswers", Bool),
    many("responseModalities", Enum(&["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"])),
    one("speechConfig", Object),
    one("thinkingConfig", of(&THINKING_CONFIG)),
    one("imageConfig", Object),
    one("responseFormat", Object),
    one("translationConfig", Object),
    one("audioTranscriptionConfig", Object),
    one(
        "mediaResolution",
        Enum(&[
            "MEDIA_RESOLUTION_UNSPECIFIED",
            "MEDIA_RESOLUTION_LOW",
            "MEDIA_RESOLUTION_MEDIUM",
            "MEDIA_RESOLUTION_HIGH",
        ]),
    ),
]);

static THINKING_CONFIG: Message = message(&[
    one("includeThoughts", Bool),
    one("thinkingBudget", Int32),
    one("thinkingLevel", Enum(&["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"])),
]);

static SCHEMA: Message = message(&[
    // Text and no enum, because Google accepts the lower-case names of JSON Schema too.
    one("type", Text),
    one("format", Text),
    one("title", Text),
    one("description", Text),
    one("nullable", Bool),
    many("enum", Text),
    one("maxItems", Int64),
    one("minItems", Int64),
    one("properties", Object),
    many("required", Text),
    one("minProperties", Int64),
    one("maxProperties", Int64),
    one("minLength", Int64),
    one("maxLength", Int64),
    one("pattern", Text),
    one("example", Any),
    many("anyOf", of(&SCHEMA)),
    many("propertyOrdering", Text),
    one("default", Any),
    one("additionalProperties", Any),
    one("defs", Object),
    one("ref", Text),
    one("items", of(&SCHEMA)),
    one("minimum", Float),
    one("maximum", Float),
]);

static TOOL: Message = message(&[
    many("functionDeclarations", Object),
    one("googleSearchRetrieval", Object),
    one("codeExecution", Object),
    one("googleSearch", Object),
    one("computerUse", Object),
    one("urlContext", Object),
    one("fileSearch", Object),
    one("googleMaps", Object),
    many("mcpServers", Object),
]);

static TOOL_CONFIG: Message = message(&[
    one("functionCallingConfig", Object),
    one("retrievalConfig", Object),
    one("includeServerSideToolInvocations", Bool),
]);
