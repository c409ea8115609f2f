//! Formulas that would overflow the stack or exhaust memory, and ordinary ones.

use std::thread;

use proptest::prelude::*;

use super::*;

/// Every command with an argument in the parser's table (`primitives.rs` of pulldown-latex 0.8.0). Some have the text that must precede an
/// argument that can be a command.
const COMMANDS: &str = "
    operatorname pmod mathord mathop mathbin mathrel mathopen mathclose mathpunct mathinner mathbf symbf mathbfup symbfup boldsymbol
    mathcal symcal mathit symit mathrm symrm mathup symup mathsf symsf mathsfup symsfup mathtt symtt mathbb symbb mathbbit symbbit
    mathfrak symfrak mathbfcal symbfcal mathsfit symsfit mathbfit symbfit mathbffrak symbffrak mathbfsfup symbfsfup mathbfsfit
    symbfsfit mathnormal symnormal color color{red} textcolor textcolor{red} colorbox colorbox{red} fcolorbox fcolorbox{red}{red} big
    bigl bigr bigm Big Bigl Bigr Bigm bigg biggl biggr biggm Bigg Biggl Biggr Biggm left left( middle right acute bar overline underbar
    underline breve check dot ddot grave hat tilde vec mathring overleftarrow underleftarrow overrightarrow Overrightarrow
    underrightarrow overleftrightarrow underleftrightarrow overleftharpoon overrightharpoon widecheck widehat widetilde wideparen
    overparen overgroup undergroup overbrace underbrace underparen overbracket underbracket kern hskip mkern mskip hspace hspace{1em}
    Space Space{1em}{1em}{1em} xleftarrow xleftarrow[a] xrightarrow xrightarrow[a] frac frac1 frac{1} genfrac genfrac(){0pt}{}
    genfrac(){0pt}{}1 cfrac cfrac1 dfrac dfrac1 tfrac tfrac1 binom binom1 dbinom dbinom1 tbinom tbinom1 overset overset1 stackrel
    stackrel1 underset underset1 buildrel substack substack{a} sideset sideset12 sideset{}{} sqrt sqrt[3] sqrt[ text textrm textbf
    textit textsf texttt not cancel char char65 relax begingroup endgroup begin begin{matrix} begin{array}{c} begin{alignat}{1}
    begin{subarray}{c} end end{matrix} cr def let futurelet newcommand renewcommand providecommand limits hline displaystyle rm
";

/// Commands whose arguments contain a command or a space.
const SPACED: &[&str] = &[
    "buildrel a\\over",
    "buildrel a b c\\over",
    "\\",
    "\\[1em]",
    "def\\a{",
    "let\\a=",
    "futurelet\\a",
    "newcommand{\\a}[1]{\\a",
    "%\n",
    "frac\\text a",
    "frac\\kern1em",
    "frac\\big(",
    "frac\\begingroup a\\endgroup",
    "frac a%\n",
];

/// Marks that nest without a command.
const MARKS: &[&str] =
    &["{", "}", "^", "_", "x^", "x_", "x_{", "^{", "%\n", "&", "[", "'", "~", "$", "#", "{}", "^\\sqrt", "{\\sqrt"];

/// Everything that can make the parser recurse.
fn parts() -> Vec<String> {
    let commands = COMMANDS.split_whitespace().chain(SPACED.iter().copied());
    commands.map(|name| format!("\\{name}")).chain(MARKS.iter().map(|mark| (*mark).to_owned())).collect()
}

fn on_a_normal_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

/// The part repeated up to the limit of a formula's length.
fn filled_with(part: &str) -> String {
    part.repeat((FORMULA_BYTES_MAX - 1) / part.len())
}

#[test]
fn formula_a_million_commands_deep_does_not_overflow_the_stack() {
    on_a_normal_stack(|| {
        for part in parts() {
            let filled = [filled_with(&part), filled_with(&format!("{part} ")) + "x"];
            for formula in [part.repeat(1_000_000), part.repeat(150) + "x"].into_iter().chain(filled) {
                let html = mathml(&formula, DisplayMode::Block);
                assert!(html.starts_with("<code>") || depth_of(&html) <= DEPTH_MAX, "{part}");
            }
        }
    });
}

#[test]
fn formula_at_the_recursion_limit_fits_on_a_normal_stack() {
    on_a_normal_stack(|| {
        for command in
            ["\\sqrt", "\\mathbf", "\\frac1", "\\hat", "\\textcolor{red}", "\\overset1", "\\genfrac(){0pt}{}1"]
        {
            let formula = command.repeat(RECURSIONS_MAX - 1) + "x";
            assert!(is_within_limits(&formula), "{command}");
            drop(mathml(&formula, DisplayMode::Inline));
            assert!(!is_within_limits(&(command.repeat(RECURSIONS_MAX + 2) + "x")), "{command}");
        }
    });
}

#[test]
fn formula_beyond_a_limit_is_shown_as_latex() {
    let wide = format!("\\begin{{array}}{{{}c}}{}\\end{{array}}", "|".repeat(3_000), "\\\\".repeat(2_000));
    for formula in [
        "x".repeat(FORMULA_BYTES_MAX + 1),
        "{".repeat(101) + &"}".repeat(101),
        "\\sqrt{".repeat(99) + "x" + &"}".repeat(99),
        "\\def\\a#1{#1#1#1}\\a{\\a{\\a{x}}}".to_owned(),
        "\\newcommand{\\a}[0]{x}\\a".to_owned(),
        "\\char\u{e9}".to_owned(),
        "\\color{#a\u{e9}abc}x".to_owned(),
        wide,
    ] {
        assert_eq!(mathml(&formula, DisplayMode::Block), format!("<code>{}</code>", escaped(&formula)));
    }
}

#[test]
fn ordinary_formula_becomes_mathml() {
    let row = "\\mathbf{x}_i &= \\frac{\\alpha}{\\hat\\beta} \\cdot \\left(\\sqrt[3]{y^{2}}\\right) \\\\ ";
    let derivation = format!("\\begin{{aligned}}{}\\end{{aligned}}", row.repeat(30));
    for formula in [
        "e^{i\\pi} + 1 = 0",
        "\\int_0^\\infty \\frac{\\sin x}{x}\\,dx % a comment\n = \\frac\\pi2",
        "\\kern 1em\u{3000}x",
        &derivation,
        &"\\alpha\\beta".repeat(200),
        &"R_{\\mu\\nu}".repeat(300),
    ] {
        assert!(mathml(formula, DisplayMode::Block).starts_with("<math"), "{formula}");
    }
}

proptest! {
    #[test]
    fn formula_of_any_tokens_does_not_overflow_the_stack(
        tokens in proptest::collection::vec(proptest::sample::select(parts()), 0..12),
        between in "[x1 {}é]{0,3}",
        repeats in 1usize..400,
    ) {
        let formula = tokens.join(&between).repeat(repeats);
        on_a_normal_stack(move || drop(mathml(&formula, DisplayMode::Inline)));
    }
}
