use std::io::{IsTerminal, Write};
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::inbox::Message;

/// Writes texts to standard output from a thread of its own: a console that nobody reads (a full
/// pipe) must not hold up requests, so texts past a short queue are not printed. The inbox has them.
pub(crate) struct Printer {
    queue: SyncSender<String>,
    terminal: bool,
}

const QUEUE: usize = 1_024;

impl Printer {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel::<String>(QUEUE);
        std::thread::Builder::new()
            .name("sms-console".to_owned())
            .spawn(move || {
                let mut stdout = std::io::stdout();
                while let Ok(text) = waiting.recv() {
                    // A closed console is no reason to stop serving.
                    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
                }
            })?;
        Ok(Self {
            queue,
            terminal: std::io::stdout().is_terminal(),
        })
    }

    pub(crate) fn show(&self, message: &Message) {
        let text = if self.terminal { bubble(message) } else { line(message) };
        let _ = self.queue.try_send(text);
    }
}

/// One line that a program can find: `sms to=+14155552671 code=123456 body="…"`, and without `code` for a notice.
fn line(message: &Message) -> String {
    let code = message.code.as_ref().map(|code| format!(" code={code}"));
    format!(
        "sms to={}{} body={:?}\n",
        message.to,
        code.unwrap_or_default(),
        message.body
    )
}

/// A handset, readable at a glance.
fn bubble(message: &Message) -> String {
    const WIDTH: usize = 46;
    let mut lines = vec![String::new()];
    for word in message.body.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    let title = format!(" SMS to {} ", message.to);
    let top = format!(
        "  ╭─{title}{}╮",
        "─".repeat((WIDTH + 1).saturating_sub(title.chars().count()))
    );
    let middle = lines.iter().map(|line| {
        let padding = " ".repeat(WIDTH.saturating_sub(line.chars().count()));
        // The code stands out in bold.
        let line = match &message.code {
            Some(code) => line.replacen(code, &format!("\x1b[1m{code}\x1b[0m"), 1),
            None => line.clone(),
        };
        format!("  │ {line}{padding} │")
    });
    let bottom = format!("  ╰{}╯\n", "─".repeat(WIDTH + 2));
    let shown: Vec<String> = [String::new(), top].into_iter().chain(middle).chain([bottom]).collect();
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_finds_the_code_and_a_person_sees_it() {
        let body = "123456 is your Acme verification code. It is valid for 10 minutes; share it with nobody.";
        let message = Message {
            to: "+14155552671".into(),
            body: body.into(),
            code: Some("123456".into()),
            created_at: 0,
        };
        assert!(line(&message).starts_with("sms to=+14155552671 code=123456 body=\"123456 is"));
        assert_eq!(line(&message).lines().count(), 1);
        let bubble = bubble(&message);
        assert!(bubble.contains("\x1b[1m123456\x1b[0m"));
        let widths: Vec<usize> = bubble
            .replace("\x1b[1m", "")
            .replace("\x1b[0m", "")
            .lines()
            .skip(1)
            .map(|l| l.chars().count())
            .collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}\n{bubble}");
    }

    #[test]
    fn a_notice_has_no_code() {
        let message = Message {
            to: "+14155552671".into(),
            body: "Your number was changed.".into(),
            code: None,
            created_at: 0,
        };
        assert_eq!(
            line(&message),
            "sms to=+14155552671 body=\"Your number was changed.\"\n"
        );
        assert!(!bubble(&message).contains('\x1b'));
    }
}
