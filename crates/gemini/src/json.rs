//! Parses JSON of any origin in memory that does not outgrow its text: `[[],[],[]…` takes ten times its length as values, so
//! their number is limited as well.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The value in `text`, unless it consists of more than `values_max` values.
pub fn parse(text: &[u8], values_max: usize) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Tree { left: &Cell::new(values_max) }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Makes a value, and counts it.
#[derive(Clone, Copy)]
struct Tree<'a> {
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| D::Error::custom("too many values"))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::tests::any_json;

    #[test]
    fn values_are_counted_wherever_they_are() {
        for (text, values) in [("7", 1), ("[1,2,3]", 4), (r#"{"a":[],"b":{"c":null}}"#, 4), ("[[[[]]]]", 4)] {
            assert_eq!(parse(text.as_bytes(), values).unwrap(), text.parse::<Value>().unwrap());
            assert!(
                parse(text.as_bytes(), values - 1).unwrap_err().to_string().starts_with("too many values"),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_reads(value in any_json(), pretty: bool) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(parse(text.as_bytes(), usize::MAX).unwrap(), text.parse::<Value>().unwrap());
        }

        #[test]
        fn it_refuses_what_serde_refuses(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let (ours, theirs) = (parse(&text, usize::MAX), serde_json::from_slice::<Value>(&text));
            prop_assert_eq!(ours.ok(), theirs.ok());
        }
    }
}
