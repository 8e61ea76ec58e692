otk_unit_test(mail_test USES otk_mail)
