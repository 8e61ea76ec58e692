otk_alloc_test(client_test USES otk_client otk_net PkgConfig::OPENSSL PkgConfig::LIBEVENT)
otk_alloc_test(profile_test USES otk_client)
otk_unit_test(transport_test USES otk_client otk_net PkgConfig::OPENSSL)
