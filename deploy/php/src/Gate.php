<?php
declare(strict_types=1);

namespace Pushd\Platform;

use Pushd\Platform\Db\Connection;
use Pushd\Platform\Token\Appid;

/** Who may use live reminders: an edition high enough, and an Official Account that is the owner's alone. */
final class Gate
{
    /** Lowest edition: standard. */
    const EDITION = 2;

    /** Why an owner has no account: none is saved with a secret; none can be called so; someone else holds it. */
    const ACCOUNT_NONE = 'none';
    const ACCOUNT_MALFORMED = 'malformed';
    const ACCOUNT_TAKEN = 'taken';

    private $db;

    public function __construct(Connection $db)
    {
        $this->db = $db;
    }

    /**
     * An owner: uin, edition, appid ('' where none may be used), account (why none may
     * be, or ''). The gate is open at EDITION or above, with an account. Null: there is none of that number.
     */
    public function owner(int $uin): ?array
    {
        $row = $this->db->query("SELECT u.{user.edition} AS edition, COALESCE(w.{user_wx_account.appid}, '') AS appid,
                CASE WHEN COALESCE(w.{user_wx_account.app_secret}, '') = '' THEN 0 ELSE 1 END AS has_secret
            FROM {user} u
            LEFT JOIN {user_wx_account} w ON w.{user_wx_account.uin} = u.{user.uin}
            WHERE u.{user.uin} = ?", [$uin])->fetch();
        if ($row === false) {
            return null;
        }
        $account = (int) $row['has_secret'] === 1 ? $this->fault($uin, (string) $row['appid']) : self::ACCOUNT_NONE;
        return [
            'uin'     => $uin,
            'edition' => (int) $row['edition'],
            'appid'   => $account === '' ? Appid::canonical((string) $row['appid']) : '',
            'account' => $account,
        ];
    }

    /** What keeps an owner from using an appid, as it was typed: one of the above, or ''. */
    public function fault(int $uin, string $text): string
    {
        $appid = Appid::canonical($text);
        if ($appid === '') {
            return self::ACCOUNT_NONE;
        }
        if (!Appid::isValid($appid)) {
            return self::ACCOUNT_MALFORMED;
        }
        // WeChat writes appids in small letters. Of two spellings that is the one
        // which stays usable, and it needs no look at all rows.
        $usual = $text === strtolower($appid);
        return $usual && $this->isHeld($uin, $appid) || !$usual && $this->isAlike($uin, $appid) ? self::ACCOUNT_TAKEN : '';
    }

    /** Does another owner hold this very appid? */
    public function isHeld(int $uin, string $appid): bool
    {
        $same = function (string $other) use ($appid): bool {
            return $other === $appid; // the database may have found other spellings
        };
        return $this->others($uin, '{user_wx_account.appid} = ?', $appid, $same);
    }

    /** Does another owner hold it in this spelling or in another: other case, blanks? */
    public function isAlike(int $uin, string $appid): bool
    {
        $small = strtolower($appid);
        $alike = function (string $other) use ($small): bool {
            return strtolower($other) === $small;
        };
        return $this->others($uin, 'LOWER({user_wx_account.appid}) LIKE ?', "%$small%", $alike);
    }

    private function others(int $uin, string $where, string $value, callable $same): bool
    {
        $sql = "SELECT {user_wx_account.appid} AS appid FROM {user_wx_account} WHERE $where AND {user_wx_account.uin} <> ?";
        foreach ($this->db->query($sql, [$value, $uin])->fetchAll() as $row) {
            if ($same(Appid::canonical((string) $row['appid']))) {
                return true;
            }
        }
        return false;
    }
}
