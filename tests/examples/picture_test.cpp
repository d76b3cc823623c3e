#include <gtest/gtest.h>
#include <png.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <memory>
#include <random>

#include <fastio/error.hpp>

#include "picture/font.hpp"
#include "picture/image.hpp"
#include "picture/palette.hpp"
#include "picture/png_file.hpp"
#include "picture/report.hpp"
#include "support/files.hpp"
#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::Folder;
using testing::OwnedVolume;

Image noise(int width, int height, std::uint32_t seed) {
    Image image(width, height, {});
    std::mt19937 random(seed);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const auto bits = random();
            image.set(x, y,
                      {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
                       static_cast<std::uint8_t>(bits >> 16)});
        }
    }
    return image;
}

std::vector<std::uint8_t> pixels_of(const Image& image) {
    return {image.data(), image.data() + image.width() * image.height() * 3};
}

std::vector<std::uint8_t> read_png(const std::string& path, int width, int height) {
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_file(&header, path.c_str()) == 0) {
        ADD_FAILURE() << path << ": " << header.message;
        return {};
    }
    EXPECT_EQ(static_cast<int>(header.width), width);
    EXPECT_EQ(static_cast<int>(header.height), height);
    header.format = PNG_FORMAT_RGB;
    std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(header));
    EXPECT_NE(png_image_finish_read(&header, nullptr, pixels.data(), 0, nullptr), 0) << header.message;
    return pixels;
}

template <class Call>
std::string io_error_of(const Call& call) {
    try {
        call();
    } catch (const fastio::Error& error) {
        EXPECT_EQ(error.errc(), fastio::Errc::io_error);
        return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
}

/// While it lives, files of this process cannot grow beyond `bytes`: what a full disk does, without filling one.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};

int count_colour(const Image& image, Colour colour, int from_x, int to_x, int from_y, int to_y) {
    int count = 0;
    for (int y = from_y; y < to_y; ++y) {
        for (int x = from_x; x < to_x; ++x) {
            count += image.at(x, y) == colour ? 1 : 0;
        }
    }
    return count;
}

}  // namespace

TEST(Png, ReadsBackAsItWasWritten) {
    const Folder folder;
    const Image image = noise(37, 23, 1);
    save_png(image, folder.file("a.png"));
    EXPECT_EQ(read_png(folder.file("a.png"), 37, 23), pixels_of(image));
    EXPECT_EQ(folder.names(), std::vector<std::string>{"a.png"});
}

TEST(Png, ReplacesAnOlderPicture) {
    const Folder folder;
    save_png(noise(50, 50, 1), folder.file("a.png"));
    const Image newer = noise(20, 10, 2);
    save_png(newer, folder.file("a.png"));
    EXPECT_EQ(read_png(folder.file("a.png"), 20, 10), pixels_of(newer));
}

TEST(Png, OnAFullDeviceIsAnIoErrorWithTheSystemsReason) {
    const std::string message = io_error_of([] { save_png(noise(300, 300, 1), "/dev/full"); });
    EXPECT_NE(message.find("/dev/full"), std::string::npos) << message;
    EXPECT_NE(message.find("No space left on device"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(Png, SmallEnoughToWaitInTheBufferStillFailsOnAFullDevice) {
    EXPECT_FALSE(io_error_of([] { save_png(noise(2, 2, 1), "/dev/full"); }).empty());
}

TEST(Png, ThatDoesNotFitLeavesNoHalfFile) {
    const Folder folder;
    {
        const FileSizeLimit limit(10'000);
        EXPECT_FALSE(io_error_of([&] { save_png(noise(300, 300, 1), folder.file("a.png")); }).empty());
    }
    EXPECT_EQ(folder.names(), std::vector<std::string>{});
}

TEST(Png, ThatDoesNotFitLeavesTheOlderPictureAsItWas) {
    const Folder folder;
    const Image older = noise(30, 30, 1);
    save_png(older, folder.file("a.png"));
    {
        const FileSizeLimit limit(10'000);
        EXPECT_FALSE(io_error_of([&] { save_png(noise(300, 300, 2), folder.file("a.png")); }).empty());
    }
    EXPECT_EQ(folder.names(), std::vector<std::string>{"a.png"});
    EXPECT_EQ(read_png(folder.file("a.png"), 30, 30), pixels_of(older));
}

TEST(Png, InAMissingFolderIsAnIoError) {
    const Folder folder;
    const std::string message = io_error_of([&] { save_png(noise(3, 3, 1), folder.file("no/such/a.png")); });
    EXPECT_NE(message.find("No such file"), std::string::npos) << message;
}

TEST(Image, CutsOffWhatIsDrawnOutside) {
    Image image(4, 3, {1, 2, 3});
    image.fill(-5, -5, 7, 7, {9, 9, 9});
    image.text(2, 2, "W", {7, 7, 7}, 3);
    image.set(4, 0, {8, 8, 8});
    EXPECT_EQ(image.at(1, 1), (Colour{9, 9, 9}));
    EXPECT_EQ(image.at(3, 0), (Colour{1, 2, 3}));
}

TEST(Image, DrawsLettersDotByDot) {
    Image image(12, 16, {});
    image.text(0, 0, "L", {255, 255, 255}, 2);
    EXPECT_EQ(text_width("L", 2), 10);
    EXPECT_EQ(count_colour(image, {255, 255, 255}, 0, 12, 0, 16), (7 + 4) * 4) << "seven dots down, four more right";
    EXPECT_EQ(image.at(9, 13), (Colour{255, 255, 255}));
    EXPECT_EQ(image.at(9, 11), (Colour{}));
}

TEST(Image, DrawsAQuestionMarkForWhatTheFontLacks) {
    EXPECT_EQ(glyph_of('\n'), glyph_of('?'));
    EXPECT_EQ(glyph_of('\xC3'), glyph_of('?'));
    EXPECT_NE(glyph_of('~'), glyph_of('?'));
}

TEST(Panel, ShowsThePatientsRightOnTheLeftAndUpAbove) {
    OwnedVolume<float> volume({20, 20, 20}, 0.0F);
    volume.at(17, 10, 16) = 100.0F;  // high x is the patient's right, high z is up
    const OwnedVolume<std::uint8_t> mask(volume.extents);
    const Report report = make_projections(testing::host(), volume.view(), mask.view(), {1, 1, 1}, true);
    const double scale = 10;
    const int width = report.coronal.width(scale);
    const int height = report.coronal.height(scale);
    ProjectionPanel panel = report.coronal;
    panel.edges.clear();
    Image image(width, height, {50, 50, 50});
    draw_projection(image, 0, 0, panel, scale, {0, 100});
    int bright_x = -1;
    int bright_y = -1;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            if (image.at(x, y).red > 200) {
                bright_x = x;
                bright_y = y;
            }
        }
    }
    ASSERT_GE(bright_x, 0) << "the bright voxel is nowhere";
    EXPECT_LT(bright_x, width / 3);
    EXPECT_LT(bright_y, height / 3);
}

TEST(Panel, KeepsTheAspectOfMillimetres) {
    const OwnedVolume<float> volume({10, 30, 40});
    const OwnedVolume<std::uint8_t> mask(volume.extents);
    const Report report = make_projections(testing::host(), volume.view(), mask.view(), {0.5, 1, 3}, true);
    EXPECT_EQ(report.coronal.height(2) - report.coronal.width(2), 60 - 40);
    EXPECT_EQ(report.sagittal.width(2) - report.coronal.width(2), 60 - 40);
    EXPECT_EQ(report.axial.height(2), report.sagittal.width(2));
}

TEST(Panel, DrawsTheOutlineOfTheMaskAndNotItsInside) {
    const OwnedVolume<float> volume({40, 40, 40}, 1.0F);
    OwnedVolume<std::uint8_t> mask(volume.extents);
    for (Index z = 10; z < 30; ++z) {
        for (Index x = 10; x < 30; ++x) {
            mask.at(z, 20, x) = 1;
        }
    }
    const Report report = make_projections(testing::host(), volume.view(), mask.view(), {1, 1, 1}, false);
    const double scale = 4;
    Image image(report.coronal.width(scale), report.coronal.height(scale), {});
    draw_projection(image, 0, 0, report.coronal, scale, {0, 2});
    const int border = (image.width() - 160) / 2;
    const int side = 80;
    EXPECT_EQ(count_colour(image, palette::kOutline, 0, image.width(), 0, image.height()),
              side * side - (side - 4) * (side - 4))
        << "two pixels on each side";
    EXPECT_EQ(image.at(border + 80, border + 80), (Colour{128, 128, 128}));
    EXPECT_EQ(image.at(border + 40, border + 80), palette::kOutline);
    EXPECT_EQ(image.at(border + 39, border + 80), (Colour{128, 128, 128}));
}

TEST(Report, MarksTheThresholdWhereItLies) {
    const OwnedVolume<float> volume = testing::random_volume({12, 14, 16}, 8);
    const OwnedVolume<std::uint8_t> mask = testing::random_mask(volume.extents, 0.5, 9);
    Report report = make_projections(testing::host(), volume.view(), mask.view(), {1, 1, 1}, true);
    report.histogram = testing::host().histogram(volume.view());
    report.threshold = (report.histogram.low + report.histogram.high) / 2;
    const Image image = draw_report(report);
    int lines = 0;
    for (int x = image.width() / 2; x < image.width(); ++x) {
        const int marked = count_colour(image, palette::kOutline, x, x + 1, image.height() / 2, image.height());
        lines += marked > 100 ? 1 : 0;
    }
    EXPECT_EQ(lines, 2) << "one line, two pixels wide";
}

TEST(Report, OfASingleVoxelCanBeDrawn) {
    const OwnedVolume<float> volume({1, 1, 1}, 5.0F);
    const OwnedVolume<std::uint8_t> mask({1, 1, 1}, 1);
    Report report = make_projections(testing::host(), volume.view(), mask.view(), {2, 2, 2}, true);
    report.histogram = testing::host().histogram(volume.view());
    report.threshold = 5;
    const Image image = draw_report(report);
    EXPECT_GT(image.width(), 400);
    EXPECT_GT(count_colour(image, palette::kOutline, 0, image.width(), 0, image.height()), 0);
}

}  // namespace brain_mri
