# SPDX-License-Identifier: BSD-2-Clause
#
# deb, rpm, tarball and container: each below build/packages/. What they hold is what `make install` installs.

PACKAGES := build/packages
PACKAGE := exectap-$(VERSION)
STATIC_BUILD := build$(if $(CROSS_COMPILE),/$(TARGET))/static

# The time that files of a package have: the source's, so that the same source gives the same package.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH

STRIP ?= $(CROSS_COMPILE)strip
REPRODUCIBLE_TAR = tar --sort=name --format=gnu --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX

# --- one file that needs nothing else, and what belongs to it: to be unpacked in /usr/local

TARBALL = $(PACKAGES)/$(PACKAGE)-linux-$(ARCH).tar.gz
TARBALL_TREE = $(PACKAGES)/tarball

tarball:
	rm -rf $(TARBALL_TREE)
	$(MAKE) install STATIC=1 SAN= PREFIX=/usr/local DESTDIR=$(TARBALL_TREE)
	$(STRIP) $(TARBALL_TREE)/usr/local/sbin/exectap
	install -D -m 644 -t $(TARBALL_TREE)/usr/local/share/doc/exectap README.md CHANGELOG.md LICENSE
	$(REPRODUCIBLE_TAR) -C $(TARBALL_TREE)/usr/local --transform='s|^\.|$(PACKAGE)|' -cf - . | gzip -9n >$(TARBALL)
	rm -r $(TARBALL_TREE)

# --- Debian's, built in a copy of the source, as dpkg-buildpackage wants ./debian

DEB_TREE = $(PACKAGES)/deb/$(PACKAGE)

deb:
	rm -rf $(PACKAGES)/deb
	mkdir -p $(DEB_TREE)
	tar --exclude=./build --exclude=./.git -cf - . | tar -C $(DEB_TREE) -xf -
	cp -r packaging/debian $(DEB_TREE)/
	cp packaging/systemd/exectap.service packaging/systemd/exectap.logrotate $(DEB_TREE)/debian/
	cp packaging/systemd/exectap.default $(DEB_TREE)/debian/
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS dpkg-buildpackage -us -uc -b
	mv $(PACKAGES)/deb/*.deb $(PACKAGES)/deb/*.changes $(PACKAGES)/deb/*.buildinfo $(PACKAGES)/
	rm -r $(PACKAGES)/deb
