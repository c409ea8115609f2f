//! What an API token may do.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A part of what the API can do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, EnumString, IntoStaticStr, VariantArray,
)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Scope {
    /// Read documents, jobs and the use of the quota.
    Read,
    /// Upload, submit and delete documents.
    Submit,
    /// Make and revoke tokens, and delete the account.
    Account,
}

/// The scopes of a token, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// All scopes, as tokens had before there were scopes.
    pub fn all() -> Self {
        Self(Scope::VARIANTS.to_vec())
    }

    /// The scopes that a form has chosen.
    pub fn chosen(read: bool, submit: bool, account: bool) -> Self {
        let chosen = [(read, Scope::Read), (submit, Scope::Submit), (account, Scope::Account)];
        chosen.into_iter().filter(|(chosen, _)| *chosen).map(|(_, scope)| scope).collect()
    }

    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether it has every scope of the other.
    pub fn include(&self, other: &Self) -> bool {
        other.0.iter().all(|&scope| self.contains(scope))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stored form: names with spaces between them.
    pub fn to_text(&self) -> String {
        self.0.iter().map(|scope| scope.into_str()).collect::<Vec<_>>().join(" ")
    }

    /// Parses the stored form. A name that only a newer program knows permits nothing here.
    pub fn parse(text: &str) -> Self {
        text.split(' ').filter_map(|name| name.parse().ok()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        let mut scopes: Vec<_> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_stored_by_name_and_unknown_names_permit_nothing() {
        let scopes: Scopes = [Scope::Submit, Scope::Read, Scope::Read].into_iter().collect();
        assert_eq!(scopes.to_text(), "read submit");
        assert_eq!(Scopes::parse("read submit"), scopes);
        assert_eq!(Scopes::parse("submit fly read"), scopes);
        assert!(Scopes::parse("").is_empty());
        assert_eq!(Scopes::parse(&Scopes::all().to_text()), Scopes::all());
        assert!(Scopes::all().include(&scopes) && !scopes.include(&Scopes::all()));
    }
}
