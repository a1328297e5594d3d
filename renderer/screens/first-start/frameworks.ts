/**
 * Settings that point an app at the SMTP listener, ready to paste, one per framework. Pieces rather
 * than markup, so that they are coloured and copied from the same text.
 */
export interface Framework {
  readonly name: string;
  /** Where the text belongs. */
  readonly file: string;
  readonly text: (host: string, port: string) => string;
}

export const FRAMEWORKS: readonly Framework[] = [
  {
    name: 'Laravel',
    file: '.env',
    text: (host, port) =>
      [
        'MAIL_MAILER=smtp',
        `MAIL_HOST=${host}`,
        `MAIL_PORT=${port}`,
        'MAIL_USERNAME=null',
        'MAIL_PASSWORD=null',
        'MAIL_ENCRYPTION=null',
      ].join('\n'),
  },
  {
    name: 'Rails',
    file: 'config/environments/development.rb',
    text: (host, port) =>
      [
        'config.action_mailer.delivery_method = :smtp',
        'config.action_mailer.smtp_settings = {',
        `  address: '${host}',`,
        `  port: ${port},`,
        '  enable_starttls_auto: false',
        '}',
      ].join('\n'),
  },
  {
    name: 'Django',
    file: 'settings.py',
    text: (host, port) =>
      [
        "EMAIL_BACKEND = 'django.core.mail.backends.smtp.EmailBackend'",
        `EMAIL_HOST = '${host}'`,
        `EMAIL_PORT = ${port}`,
        'EMAIL_USE_TLS = False',
        "EMAIL_HOST_USER = ''",
        "EMAIL_HOST_PASSWORD = ''",
      ].join('\n'),
  },
  {
    name: 'Spring',
    file: 'application.properties',
    text: (host, port) =>
      [
        `spring.mail.host=${host}`,
        `spring.mail.port=${port}`,
        'spring.mail.properties.mail.smtp.auth=false',
        'spring.mail.properties.mail.smtp.starttls.enable=false',
      ].join('\n'),
  },
  {
    name: 'Node',
    file: 'nodemailer',
    text: (host, port) =>
      [
        "import { createTransport } from 'nodemailer';",
        '',
        'const transport = createTransport({',
        `  host: '${host}',`,
        `  port: ${port},`,
        '  secure: false,',
        '  ignoreTLS: true,',
        '});',
      ].join('\n'),
  },
  {
    name: '.NET',
    file: 'MailKit',
    text: (host, port) =>
      [
        'using var client = new SmtpClient();',
        `await client.ConnectAsync("${host}", ${port}, SecureSocketOptions.None);`,
        'await client.SendAsync(message);',
        'await client.DisconnectAsync(true);',
      ].join('\n'),
  },
  {
    name: 'PHP',
    file: 'PHPMailer',
    text: (host, port) =>
      [
        '$mail = new PHPMailer(true);',
        '$mail->isSMTP();',
        `$mail->Host = '${host}';`,
        `$mail->Port = ${port};`,
        '$mail->SMTPAuth = false;',
        '$mail->SMTPAutoTLS = false;',
      ].join('\n'),
  },
  {
    name: 'sendmail',
    file: '~/.msmtprc',
    text: (host, port) =>
      [
        '# then: sendmail_path = "/usr/bin/msmtp -t"',
        'account default',
        `host ${host}`,
        `port ${port}`,
        'auth off',
        'tls off',
        'from app@localhost',
      ].join('\n'),
  },
];
