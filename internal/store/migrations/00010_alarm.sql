-- +goose Up

-- Messages to people that wait until the webhook has taken them.
CREATE TABLE IF NOT EXISTS pushd_alarm (
  alarm_key VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what it is about: the same is sent once',
  alarm     MEDIUMTEXT  NOT NULL COMMENT 'JSON',
  raised_at BIGINT      NOT NULL,
  due_at    BIGINT      NOT NULL COMMENT 'not to be sent before; moved by whoever takes it',
  tries     INT         NOT NULL DEFAULT 0,
  sent_at   BIGINT      NOT NULL DEFAULT 0 COMMENT '0 = not yet',
  PRIMARY KEY (alarm_key),
  KEY pushd_alarm_due (sent_at, due_at),
  KEY pushd_alarm_raised (raised_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
