//! Builds JSON answers for requests with a schema.

use serde_json::{Map, Value, json};

use coldbrew_gemini::lenient;

/// JSON that follows `schema` and holds `text`. Without a schema it is `{"text": …}`.
pub(crate) fn json_answer(schema: Option<&Value>, text: &str) -> String {
    schema.map_or_else(|| json!({"text": text}), |schema| instance(schema, text, 0)).to_string()
}

const DEPTH_MAX: u32 = 20;

fn instance(schema: &Value, text: &str, depth: u32) -> Value {
    let kind = lenient::string(schema, "type").unwrap_or_default().to_ascii_uppercase();
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|names| names.first()) {
        return first.clone();
    }
    if let Some(first) = lenient::member(schema, "anyOf").and_then(Value::as_array).and_then(|schemas| schemas.first())
    {
        return if depth < DEPTH_MAX { instance(first, text, depth + 1) } else { Value::Null };
    }
    match kind.as_str() {
        "STRING" => json!(text),
        "INTEGER" | "NUMBER" => json!(0),
        "BOOLEAN" => json!(false),
        "ARRAY" => match schema.get("items") {
            Some(items) if depth < DEPTH_MAX => json!([instance(items, text, depth + 1)]),
            _ => json!([]),
        },
        "OBJECT" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let known = properties.into_iter().flatten().filter(|_| depth < DEPTH_MAX);
            known.map(|(name, schema)| (name.clone(), instance(schema, text, depth + 1))).collect::<Map<_, _>>().into()
        }
        _ => Value::Null,
    }
}
