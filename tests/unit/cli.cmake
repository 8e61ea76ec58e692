foreach(test IN ITEMS clean csv_read ics import_read json message options table when yaml_message yaml_write)
	otk_unit_test(cli_${test}_test USES otk_cli PkgConfig::JANSSON PkgConfig::LZMA)
endforeach()
