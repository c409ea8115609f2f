//! The sanitizer: it allows the elements and attributes that `crate::markdown` writes.

use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::Builder;

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(sanitizer);

/// Removes everything that could run a script, load from another site or change the look of the page around it.
pub(crate) fn clean(html: &str) -> String {
    SANITIZER.clean(html).to_string()
}

const MATHML: &[&str] = &[
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "mstyle",
    "merror",
    "mpadded",
    "mphantom",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mprescripts",
    "mtable",
    "mtr",
    "mtd",
    "semantics",
    "annotation",
];

const MATHML_ATTRIBUTES: &[&str] = &[
    "display",
    "mathvariant",
    "stretchy",
    "fence",
    "separator",
    "form",
    "lspace",
    "rspace",
    "minsize",
    "maxsize",
    "symmetric",
    "largeop",
    "movablelimits",
    "accent",
    "accentunder",
    "linethickness",
    "columnalign",
    "rowspacing",
    "columnspacing",
    "displaystyle",
    "scriptlevel",
    "width",
    "height",
    "depth",
    "voffset",
    "encoding",
];

fn sanitizer() -> Builder<'static> {
    let mut builder = Builder::default();
    for heading in ["h2", "h3", "h4", "h5", "h6"] {
        builder.add_tag_attributes(heading, ["id"]);
    }
    builder
        .add_tags(MATHML)
        .add_generic_attributes(MATHML_ATTRIBUTES)
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("sup", ["class", "id"])
        .add_tag_attributes("div", ["class", "id", "tabindex", "role", "aria-label"])
        .add_tag_attributes("td", ["class"])
        .add_tag_attributes("th", ["class"])
        .set_tag_attribute_value("pre", "tabindex", "0")
        .add_tag_attributes("a", ["class", "id", "aria-label"])
        .add_tag_attributes("mark", ["id"])
        .add_tag_attributes("figure", ["class"])
        .add_tag_attributes("img", ["loading"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
}
