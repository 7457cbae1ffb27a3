# SPDX-License-Identifier: BSD-2-Clause
#
# The targets deb, rpm, tarball and container; packages go to build/packages/ and contain the files of `make install`.

PACKAGES := build/packages
PACKAGE := exectap-$(VERSION)

# Modification time of the files in packages: the source's, so that the same source gives the same package.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH

STRIP ?= $(CROSS_COMPILE)strip
REPRODUCIBLE_TAR = tar --sort=name --format=gnu --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX

# --- the static program and its files, to be unpacked in /usr/local

TARBALL = $(PACKAGES)/$(PACKAGE)-linux-$(ARCH).tar.gz
TARBALL_TREE = $(PACKAGES)/tarball

tarball:
	rm -rf $(TARBALL_TREE)
	$(MAKE) install STATIC=1 SAN= PREFIX=/usr/local DESTDIR=$(TARBALL_TREE)
	$(STRIP) $(TARBALL_TREE)/usr/local/sbin/exectap
	install -D -m 644 -t $(TARBALL_TREE)/usr/local/share/doc/exectap LICENSE
	$(REPRODUCIBLE_TAR) -C $(TARBALL_TREE)/usr/local --transform='s|^\.|$(PACKAGE)|' -cf - . | gzip -9n >$(TARBALL)
	rm -r $(TARBALL_TREE)

# --- Debian package, built in a copy of the source, since dpkg-buildpackage needs ./debian

DEB_TREE = $(PACKAGES)/deb/$(PACKAGE)

deb:
	rm -rf $(PACKAGES)/deb
	mkdir -p $(DEB_TREE)
	tar --exclude=./build --exclude=./.git -cf - . | tar -C $(DEB_TREE) -xf -
	cp -r packaging/debian $(DEB_TREE)/
	cp packaging/systemd/exectap.* $(DEB_TREE)/debian/
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u LDFLAGS dpkg-buildpackage -us -uc -b
	mv $(PACKAGES)/deb/*.deb $(PACKAGES)/deb/*.changes $(PACKAGES)/deb/*.buildinfo $(PACKAGES)/
	rm -r $(PACKAGES)/deb

# --- RPM, without a check of installed packages: a Debian host has no RPM database

RPM_TREE = $(abspath $(PACKAGES))/rpm

rpm:
	rm -rf $(RPM_TREE)
	mkdir -p $(RPM_TREE)/SOURCES
	$(REPRODUCIBLE_TAR) --exclude=./build --exclude=./.git --transform='s|^\.|$(PACKAGE)|' -cf $(RPM_TREE)/SOURCES/$(PACKAGE).tar .
	env -u MAKEFLAGS -u MFLAGS rpmbuild -bb --nodeps --define '_topdir $(RPM_TREE)' \
		--define 'exectap_version $(VERSION)' packaging/rpm/exectap.spec
	mv $(RPM_TREE)/RPMS/*/*.rpm $(PACKAGES)/
	rm -r $(RPM_TREE)

# --- an image with the tarball's program, as an archive for podman, docker or a registry

BUILDAH ?= buildah
CONTAINER_TREE = $(PACKAGES)/container
CONTAINER = $(PACKAGES)/$(PACKAGE)-container-$(ARCH).tar
# buildah's storage, separate from the images of this machine's users
BUILDAH_STORE = --storage-driver vfs --root $(abspath $(CONTAINER_TREE))/storage --runroot $(abspath $(CONTAINER_TREE))/run

container: tarball
	rm -rf $(CONTAINER_TREE) $(CONTAINER)
	mkdir -p $(CONTAINER_TREE)/files
	tar -xzf $(TARBALL) --strip-components=1 -C $(CONTAINER_TREE)/files
	$(BUILDAH) $(BUILDAH_STORE) bud --isolation chroot --timestamp $(SOURCE_DATE_EPOCH) --tag exectap:$(VERSION) \
		--file packaging/container/Containerfile $(CONTAINER_TREE)/files
	$(BUILDAH) $(BUILDAH_STORE) push exectap:$(VERSION) docker-archive:$(CONTAINER):exectap:$(VERSION)
	rm -r $(CONTAINER_TREE)
